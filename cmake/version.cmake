# SPDX-License-Identifier: BSD-2-Clause
#
# cmake -DSOURCE_DIR= -DVERSION= -DOUT=version.c -P version.cmake: writes the version
# string, with the git state of the tree where it is one. Run by every build; leaves
# the file alone when nothing changed. Without git, in a tarball or in somebody
# else's repository the version alone is right, and no error.
set(text "${VERSION}")
if(EXISTS "${SOURCE_DIR}/.git")
	execute_process(COMMAND git describe --always --dirty --match "v*"
		WORKING_DIRECTORY "${SOURCE_DIR}" RESULT_VARIABLE rc
		OUTPUT_VARIABLE git ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
	if(rc EQUAL 0 AND NOT git STREQUAL "v${VERSION}")
		set(text "${VERSION} (git ${git})")
	endif()
endif()
set(code "/* made by cmake/version.cmake */
#include \"cmd/cmd.h\"
const char dq_version[] = \"${text}\";
")
if(EXISTS "${OUT}")
	file(READ "${OUT}" old)
endif()
if(NOT old STREQUAL code)
	file(WRITE "${OUT}" "${code}")
endif()
