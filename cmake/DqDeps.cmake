# SPDX-License-Identifier: BSD-2-Clause
#
# The libraries that dmaseq is linked with: dq_zlib always, dq_libbpf (with libelf)
# where ENABLE_RECORD, dq_graphviz where DQ_GRAPHVIZ finds it. Found without pkg-config, so that a sysroot needs nothing but
# headers and libraries. What is missing is named by its Debian package.

# dq_need(VAR what package): VAR must have been found.
function(dq_need var what package)
	if(NOT ${var})
		if(CMAKE_CROSSCOMPILING)
			set(how "it belongs into the sysroot ${CMAKE_SYSROOT} (package ${package})")
		else()
			set(how "apt install ${package}")
		endif()
		unset(${var} CACHE)
		message(FATAL_ERROR "${what} not found: ${how}")
	endif()
endfunction()

# dq_find_lib(NAME name HEADER header PACKAGE package): imported target dq_NAME.
function(dq_find_lib)
	cmake_parse_arguments(A "" "NAME;HEADER;PACKAGE" "" ${ARGN})
	if(DQ_STATIC)
		set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
	endif()
	string(TOUPPER ${A_NAME} up)
	find_path(DQ_${up}_INCLUDE ${A_HEADER})
	find_library(DQ_${up}_LIBRARY ${A_NAME})
	mark_as_advanced(DQ_${up}_INCLUDE DQ_${up}_LIBRARY)
	dq_need(DQ_${up}_INCLUDE lib${A_NAME} ${A_PACKAGE})
	dq_need(DQ_${up}_LIBRARY lib${A_NAME} ${A_PACKAGE})
	add_library(dq_lib${A_NAME} UNKNOWN IMPORTED GLOBAL)
	set_target_properties(dq_lib${A_NAME} PROPERTIES IMPORTED_LOCATION "${DQ_${up}_LIBRARY}")
	# A system include directory must not be named: gcc's #include_next would
	# no longer find the C library behind its own headers.
	if(NOT DQ_${up}_INCLUDE STREQUAL "${CMAKE_SYSROOT}/usr/include")
		set_target_properties(dq_lib${A_NAME} PROPERTIES
			INTERFACE_INCLUDE_DIRECTORIES "${DQ_${up}_INCLUDE}")
	endif()
endfunction()

dq_find_lib(NAME z HEADER zlib.h PACKAGE zlib1g-dev)
add_library(dq_zlib ALIAS dq_libz)

if(ENABLE_RECORD)
	dq_find_lib(NAME bpf HEADER bpf/libbpf.h PACKAGE libbpf-dev)
	dq_find_lib(NAME elf HEADER libelf.h PACKAGE libelf-dev)
	target_link_libraries(dq_libbpf INTERFACE dq_libelf dq_libz)

	file(STRINGS "${DQ_BPF_INCLUDE}/bpf/libbpf_version.h" lines REGEX "define LIBBPF_M[AI][JN]OR_VERSION")
	string(REGEX MATCHALL "[0-9]+" version "${lines}")
	list(JOIN version . version)
	if(version VERSION_LESS 1.1)
		message(FATAL_ERROR "libbpf ${version} is too old, 1.1 is needed: apt install libbpf-dev (Debian 12 or later)")
	endif()

	# libelf of elfutils 0.189 and later reads zstd sections: a static link has to
	# name that library too. Where libzstd is not there, libelf does not need it.
	if(DQ_STATIC)
		set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
		find_library(DQ_ZSTD_LIBRARY zstd)
		mark_as_advanced(DQ_ZSTD_LIBRARY)
		if(DQ_ZSTD_LIBRARY)
			target_link_libraries(dq_libelf INTERFACE "${DQ_ZSTD_LIBRARY}")
		endif()
	endif()
endif()

# Graphviz draws what graph writes; a board needs no pictures.
if(NOT DQ_STATIC AND NOT DQ_GRAPHVIZ STREQUAL "OFF")
	find_path(DQ_GVC_INCLUDE graphviz/gvc.h)
	find_library(DQ_GVC_LIBRARY gvc)
	find_library(DQ_CGRAPH_LIBRARY cgraph)
	mark_as_advanced(DQ_GVC_INCLUDE DQ_GVC_LIBRARY DQ_CGRAPH_LIBRARY)
	if(DQ_GVC_INCLUDE AND DQ_GVC_LIBRARY AND DQ_CGRAPH_LIBRARY)
		add_library(dq_graphviz INTERFACE)
		target_link_libraries(dq_graphviz INTERFACE "${DQ_GVC_LIBRARY}" "${DQ_CGRAPH_LIBRARY}")
	elseif(DQ_GRAPHVIZ STREQUAL "ON")
		dq_need(DQ_GVC_LIBRARY libgvc libgraphviz-dev)
		dq_need(DQ_GVC_INCLUDE libgvc libgraphviz-dev)
		dq_need(DQ_CGRAPH_LIBRARY libcgraph libgraphviz-dev)
	else()
		message(STATUS "No pictures of graphs in this build: libgvc not found (apt install libgraphviz-dev)")
	endif()
endif()
