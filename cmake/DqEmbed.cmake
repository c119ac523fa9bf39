# SPDX-License-Identifier: BSD-2-Clause
#
# dq_embed(TARGET FILE SYMBOL): links the bytes of FILE into TARGET, as
#	extern const unsigned char SYMBOL[];	(with a NUL behind them)
#	extern const size_t SYMBOL_len;		(without it)
# With CMake alone; no xxd, no objcopy, so that a cross build needs nothing more.
function(dq_embed target file symbol)
	get_filename_component(abs "${file}" ABSOLUTE)
	set(out "${CMAKE_CURRENT_BINARY_DIR}/${symbol}.embed.c")
	add_custom_command(OUTPUT "${out}"
		COMMAND ${CMAKE_COMMAND} "-DIN=${abs}" "-DOUT=${out}" "-DSYMBOL=${symbol}"
			-P "${CMAKE_SOURCE_DIR}/cmake/embed-file.cmake"
		DEPENDS "${abs}" "${CMAKE_SOURCE_DIR}/cmake/embed-file.cmake"
		COMMENT "Embedding ${file}" VERBATIM)
	target_sources(${target} PRIVATE "${out}")
endfunction()
