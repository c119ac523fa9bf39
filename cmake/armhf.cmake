# SPDX-License-Identifier: BSD-2-Clause
#
# Toolchain file: cross build for armhf with Debian's gcc-arm-linux-gnueabihf and the
# libraries of a sysroot (tests/vm/sysroot.sh makes one from Debian's packages).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)

get_filename_component(dq_top "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)
if(NOT DQ_SYSROOT)
	set(DQ_SYSROOT "${dq_top}/build/sysroot-armhf")
endif()
set(DQ_SYSROOT "${DQ_SYSROOT}" CACHE PATH "Root of an armhf Debian: headers and libraries")
# Toolchain files are read again for each try_compile, which has to know it too.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES DQ_SYSROOT)

find_program(dq_cc ${CMAKE_C_COMPILER} NO_CMAKE_FIND_ROOT_PATH)
if(NOT dq_cc)
	message(FATAL_ERROR "arm-linux-gnueabihf-gcc not found: apt install gcc-arm-linux-gnueabihf")
endif()
if(NOT EXISTS "${DQ_SYSROOT}/usr/include")
	message(FATAL_ERROR "No armhf sysroot in ${DQ_SYSROOT}: make one with 'tests/vm/sysroot.sh armhf ${DQ_SYSROOT}'")
endif()

set(CMAKE_SYSROOT "${DQ_SYSROOT}")
set(CMAKE_LIBRARY_ARCHITECTURE arm-linux-gnueabihf)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# With it, golden and cli tests of the cross-built binary run here (qemu-user-static).
find_program(dq_qemu NAMES qemu-arm-static qemu-arm NO_CMAKE_FIND_ROOT_PATH)
if(dq_qemu)
	set(CMAKE_CROSSCOMPILING_EMULATOR "${dq_qemu}")
endif()
