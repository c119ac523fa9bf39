# SPDX-License-Identifier: BSD-2-Clause
#
# dq_flags: what every C target of the tree is compiled and linked with. Options
# only: it may not look for anything on the machine.
add_library(dq_flags INTERFACE)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

target_include_directories(dq_flags INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_definitions(dq_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
target_compile_options(dq_flags INTERFACE -Wall -Wextra -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wpointer-arith -Wvla
	-fno-strict-aliasing -fno-common)

if(DQ_WERROR)
	target_compile_options(dq_flags INTERFACE -Werror)
endif()

if(DQ_SANITIZE)
	target_compile_options(dq_flags INTERFACE -fsanitize=address,undefined
		-fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(dq_flags INTERFACE -fsanitize=address,undefined)
endif()

# Every room, so that the fuzzer sees which branches an input took.
if(DQ_FUZZ AND DQ_COVERAGE)
	target_compile_options(dq_flags INTERFACE -fprofile-instr-generate -fcoverage-mapping)
	target_link_options(dq_flags INTERFACE -fprofile-instr-generate)
elseif(DQ_FUZZ)
	target_compile_options(dq_flags INTERFACE -O1 -fno-omit-frame-pointer
		-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
	target_link_options(dq_flags INTERFACE -fsanitize=address,undefined)
endif()

# The same source in another directory gives the same binary; a debugger of a
# development build needs the true paths.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
	target_compile_options(dq_flags INTERFACE "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.")
	target_compile_options(dq_flags INTERFACE -fstack-protector-strong)
	target_compile_definitions(dq_flags INTERFACE $<$<NOT:$<BOOL:${DQ_SANITIZE}>>:_FORTIFY_SOURCE=2>)
endif()

if(DQ_STATIC)
	# CMake's own PIE support would add -pie, which makes a dynamic binary of it:
	# so the two flags are given here, and policy CMP0083 is left alone.
	# Nothing unwinds a board's binary; the tables are a fifteenth of it.
	target_compile_options(dq_flags INTERFACE -fPIE -ffunction-sections -fdata-sections
		-fno-asynchronous-unwind-tables)
	# glibc has no static-pie for 32-bit arm.
	if(CMAKE_SYSTEM_PROCESSOR MATCHES "^arm(v.*|hf)?$")
		target_link_options(dq_flags INTERFACE -static -no-pie -Wl,--gc-sections)
	else()
		target_link_options(dq_flags INTERFACE -static-pie -Wl,--gc-sections
			-Wl,--no-eh-frame-hdr "-Wl,-T,${CMAKE_SOURCE_DIR}/cmake/no-unwind.ld")
		set(DQ_NO_UNWIND ON)
	endif()
	# A position independent binary has four thousand addresses to relocate. LLVM's linker packs
	# what says so from 96 kB to 2; the GNU one of Debian 12 cannot for arm64. The compiler of a
	# cross build looks for it in its own places only.
	if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
		find_program(DQ_LLD NAMES ld.lld NO_CMAKE_FIND_ROOT_PATH DOC "Makes the arm64 binary smaller")
		mark_as_advanced(DQ_LLD)
		if(DQ_LLD)
			file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/lld")
			file(CREATE_LINK "${DQ_LLD}" "${CMAKE_BINARY_DIR}/lld/ld.lld" SYMBOLIC)
			target_link_options(dq_flags INTERFACE "-B${CMAKE_BINARY_DIR}/lld" -fuse-ld=lld
				-Wl,--pack-dyn-relocs=relr -Wl,-O2)
		else()
			message(STATUS "The binary will be 100 kB larger: ld.lld not found (apt install lld)")
		endif()
	endif()
else()
	set(CMAKE_POSITION_INDEPENDENT_CODE ON)
endif()
target_link_options(dq_flags INTERFACE -Wl,-z,relro,-z,now)

if(DQ_STRIP)
	target_link_options(dq_flags INTERFACE -s)
endif()

# dq_hot(file...): what runs for every recorded call, of which a board pays each instruction: for
# speed also where the rest is built for size.
function(dq_hot)
	if(CMAKE_BUILD_TYPE STREQUAL "MinSizeRel")
		set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O2)
	endif()
endfunction()
