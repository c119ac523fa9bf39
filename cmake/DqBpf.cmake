# SPDX-License-Identifier: BSD-2-Clause
#
# dq_bpf_object(NAME SOURCES file.bpf.c...): compiles BPF programs into one skeleton
# header NAME.skel.h and makes the INTERFACE library NAME_skel that gives its
# include directory. In a static build the object is deflated, to a fifth: the skeleton then
# asks dq_bpf_unpack() for it (src/live/unpack.c), and the target that is linked with
# NAME_skel has to dq_embed(target "${NAME_GZ}" NAME_gz).
#
# clang, llvm-strip and bpftool run on the build machine, whatever is built for:
# they are never looked for in a sysroot. Nothing is taken from the build
# machine's kernel.
if(NOT ENABLE_RECORD)
	return()
endif()

find_program(BPF_CLANG NAMES clang clang-19 clang-16 clang-14 NO_CMAKE_FIND_ROOT_PATH
	DOC "Compiler of the BPF programs")
find_program(BPF_STRIP NAMES llvm-strip llvm-strip-19 llvm-strip-16 llvm-strip-14
	NO_CMAKE_FIND_ROOT_PATH DOC "Strips DWARF from BPF objects, keeps BTF")
# Debian keeps it in /usr/sbin, which is in root's PATH only.
find_program(BPF_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin NO_CMAKE_FIND_ROOT_PATH
	DOC "Makes the skeleton of a BPF object")
mark_as_advanced(BPF_CLANG BPF_STRIP BPF_BPFTOOL)

# dq_host_tool(VAR name package): the program has to be there, on the build machine.
function(dq_host_tool var name package)
	if(NOT ${var})
		unset(${var} CACHE)
		message(FATAL_ERROR "${name} not found: apt install ${package} (or leave recording out: -DENABLE_RECORD=OFF)")
	endif()
endfunction()
dq_host_tool(BPF_CLANG clang clang)
dq_host_tool(BPF_STRIP llvm-strip llvm)
dq_host_tool(BPF_BPFTOOL bpftool bpftool)
if(DQ_STATIC)
	find_program(BPF_OBJCOPY NAMES llvm-objcopy llvm-objcopy-19 llvm-objcopy-16 llvm-objcopy-14
		NO_CMAKE_FIND_ROOT_PATH DOC "Takes parts out of BPF objects")
	mark_as_advanced(BPF_OBJCOPY)
	dq_host_tool(BPF_OBJCOPY llvm-objcopy llvm)
	find_program(BPF_GZIP NAMES gzip NO_CMAKE_FIND_ROOT_PATH DOC "Deflates BPF objects")
	mark_as_advanced(BPF_GZIP)
	dq_host_tool(BPF_GZIP gzip gzip)
endif()

# CO-RE relocations of all kinds that are used came with clang 11.
execute_process(COMMAND ${BPF_CLANG} --version OUTPUT_VARIABLE out ERROR_QUIET)
string(REGEX MATCH "clang version ([0-9]+)" out "${out}")
if(NOT CMAKE_MATCH_1 OR CMAKE_MATCH_1 LESS 11)
	message(FATAL_ERROR "${BPF_CLANG} is clang '${CMAKE_MATCH_1}', 11 is needed: apt install clang")
endif()
set(BPF_CLANG_VERSION ${CMAKE_MATCH_1})

# "gen object" came with bpftool 5.13. Some distributions install a wrapper that
# works only with the package of the running kernel, so it is run.
execute_process(COMMAND ${BPF_BPFTOOL} gen help RESULT_VARIABLE rc OUTPUT_VARIABLE out ERROR_VARIABLE out)
if(NOT out MATCHES "gen object")
	message(FATAL_ERROR "${BPF_BPFTOOL} cannot 'gen object': apt install bpftool")
endif()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
	set(DQ_BPF_ARCH x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
	set(DQ_BPF_ARCH arm64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(arm|armv[78]l?|armhf)$")
	set(DQ_BPF_ARCH arm)
else()
	message(FATAL_ERROR "recording is for amd64, arm64 and armhf, not for '${CMAKE_SYSTEM_PROCESSOR}': leave it out with -DENABLE_RECORD=OFF")
endif()

# One source to one stripped object: without DWARF, and without relocations of BTF, which only a
# linker of such objects reads. BTF keeps the names of the source files: no place of
# the build machine may be in them.
function(dq_bpf_compile src obj)
	set(flags -target bpf -mcpu=v2 -O2 -g -Wall -D__TARGET_ARCH_${DQ_BPF_ARCH}
		"-ffile-prefix-map=${CMAKE_SOURCE_DIR}=." -fdebug-compilation-dir .
		-I "${CMAKE_SOURCE_DIR}/bpf" -I "${CMAKE_SOURCE_DIR}/src")
	if(DQ_WERROR)
		list(APPEND flags -Werror)
	endif()
	if(NOT DQ_BPF_INCLUDE STREQUAL "/usr/include")
		list(APPEND flags -isystem "${DQ_BPF_INCLUDE}")
	endif()
	file(RELATIVE_PATH what "${CMAKE_SOURCE_DIR}" "${src}")
	add_custom_command(OUTPUT "${obj}"
		COMMAND ${BPF_CLANG} ${flags} -MD -MF "${obj}.d" -MT "${obj}" -c "${src}" -o "${obj}"
		COMMAND ${BPF_STRIP} -g --remove-section=.rel.BTF --remove-section=.rel.BTF.ext "${obj}"
		DEPENDS "${src}" DEPFILE "${obj}.d"
		COMMENT "Building BPF object ${what}" VERBATIM)
endfunction()

function(dq_bpf_object name)
	cmake_parse_arguments(A "" "" "SOURCES" ${ARGN})
	set(dir "${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf")
	file(MAKE_DIRECTORY "${dir}")
	set(objs)
	foreach(src IN LISTS A_SOURCES)
		get_filename_component(abs "${src}" ABSOLUTE)
		get_filename_component(base "${src}" NAME_WE)
		dq_bpf_compile("${abs}" "${dir}/${base}.bpf.o")
		list(APPEND objs "${dir}/${base}.bpf.o")
	endforeach()

	list(LENGTH objs n)
	set(obj "${objs}")
	if(n GREATER 1)
		set(obj "${dir}/${name}.linked.o")
		add_custom_command(OUTPUT "${obj}"
			COMMAND ${BPF_BPFTOOL} gen object "${obj}" ${objs}
			DEPENDS ${objs} COMMENT "Linking BPF object ${name}" VERBATIM)
	endif()

	# Not straight into the header: a failure would leave half of one, newer
	# than the object, and the next build would use it.
	set(skel "${dir}/${name}.skel.h")
	set(edit "")
	set(gz "")
	if(DQ_STATIC)
		set(gz "${dir}/${name}.gz")
		add_custom_command(OUTPUT "${dir}/${name}.slim.o"
			COMMAND "${CMAKE_SOURCE_DIR}/cmake/slim-bpf.sh" "${BPF_OBJCOPY}" "${obj}"
				"${dir}/${name}.slim.o"
			DEPENDS "${obj}" "${CMAKE_SOURCE_DIR}/cmake/slim-bpf.sh"
			COMMENT "Slimming ${name}" VERBATIM)
		set(obj "${dir}/${name}.slim.o")
		set(${name}_GZ "${gz}" CACHE INTERNAL "")
		add_custom_command(OUTPUT "${gz}"
			COMMAND sh -c "\"$1\" -9nc \"$2\" > \"$3.tmp\" && mv \"$3.tmp\" \"$3\""
				sh "${BPF_GZIP}" "${obj}" "${gz}"
			DEPENDS "${obj}" COMMENT "Deflating ${name}" VERBATIM)
		# the object's bytes, as the skeleton has them
		set(edit "/^\t\\*sz = [0-9]*;$/,/^}$/c\\\treturn dq_bpf_unpack(${name}_gz, ${name}_gz_len, sz);\\n}")
	endif()
	add_custom_command(OUTPUT "${skel}"
		COMMAND sh -c "\"$1\" gen skeleton \"$2\" name \"$3\" | sed \"$5\" > \"$4.tmp\" && test -s \"$4.tmp\" && mv \"$4.tmp\" \"$4\""
			sh "${BPF_BPFTOOL}" "${obj}" "${name}" "${skel}" "${edit}"
		DEPENDS "${obj}" COMMENT "Generating ${name}.skel.h" VERBATIM)

	add_custom_target(${name}_skel_gen DEPENDS "${skel}" ${gz})
	add_library(${name}_skel INTERFACE)
	add_dependencies(${name}_skel ${name}_skel_gen)
	if(DQ_STATIC)
		target_compile_definitions(${name}_skel INTERFACE DQ_BPF_DEFLATED)
	endif()
	# SYSTEM: our warnings are not for generated code.
	target_include_directories(${name}_skel SYSTEM INTERFACE "${dir}")
	target_link_libraries(${name}_skel INTERFACE dq_libbpf)
endfunction()
