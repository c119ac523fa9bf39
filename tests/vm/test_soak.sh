#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_soak.sh KERNEL
#
# The soak (soak.sh) for as long as a run of all tests has time: two rounds, of which
# one ends with SIGKILL.
exec "$(dirname "$0")/soak.sh" "$1" 1
