# SPDX-License-Identifier: BSD-2-Clause
#
# What tests are made with. Rings are ctest labels: unit, golden, cli, vm.
#
# dq_unit_test(NAME name SOURCES file... [LIBS target...])  a cmocka program
# dq_test_env(LABEL label TESTS test...)                    environment of any other test
# DQ_RUN                                                    how to start dmaseq, as a list
#
# A test's environment is the same on every machine: C locale, UTC, no colour. A
# sanitizer's finding has a status (99) that no command of dmaseq has. A test that
# ends with 77 was skipped; tests/run.sh makes that a failure in CI.
set(DQ_TEST_ENV LC_ALL=C.UTF-8 TZ=UTC NO_COLOR=1 TERM=dumb COLUMNS=80
	"ASAN_OPTIONS=exitcode=99:detect_leaks=1" "UBSAN_OPTIONS=exitcode=99:print_stacktrace=1"
	"DQ_SOURCE_DIR=${CMAKE_SOURCE_DIR}" "DQ_BINARY_DIR=${CMAKE_BINARY_DIR}")

# A cross-built dmaseq runs under CMAKE_CROSSCOMPILING_EMULATOR, when there is one.
set(DQ_RUN ${CMAKE_CROSSCOMPILING_EMULATOR} "${CMAKE_BINARY_DIR}/src/cmd/dmaseq")
list(JOIN DQ_RUN " " DQ_RUN_WORDS)
list(APPEND DQ_TEST_ENV "DMASEQ=${DQ_RUN_WORDS}")

function(dq_test_env)
	cmake_parse_arguments(A "" "LABEL;TIMEOUT" "TESTS" ${ARGN})
	if(NOT A_TIMEOUT)
		set(A_TIMEOUT 120)
	endif()
	set_tests_properties(${A_TESTS} PROPERTIES LABELS "${A_LABEL}" TIMEOUT ${A_TIMEOUT}
		ENVIRONMENT "${DQ_TEST_ENV}" SKIP_RETURN_CODE 77)
endfunction()

if(BUILD_TESTING AND NOT DQ_UNIT_TESTS STREQUAL "OFF")
	find_path(DQ_CMOCKA_INCLUDE cmocka.h)
	find_library(DQ_CMOCKA_LIBRARY cmocka)
	mark_as_advanced(DQ_CMOCKA_INCLUDE DQ_CMOCKA_LIBRARY)
	if(DQ_UNIT_TESTS STREQUAL "ON")
		dq_need(DQ_CMOCKA_INCLUDE cmocka libcmocka-dev)
		dq_need(DQ_CMOCKA_LIBRARY cmocka libcmocka-dev)
	endif()
	if(DQ_CMOCKA_INCLUDE AND DQ_CMOCKA_LIBRARY)
		set(DQ_HAVE_UNIT_TESTS ON)
	else()
		message(STATUS "No unit tests in this build: cmocka not found (apt install libcmocka-dev)")
	endif()
endif()

# A test function that is in no table would silently never run. Every cmocka test has a
# state parameter, and few use it. A target, so that the flags come behind dq_flags.
add_library(dq_test_flags INTERFACE)
target_compile_options(dq_test_flags INTERFACE -Werror=unused-function -Wno-unused-parameter)

function(dq_unit_test)
	cmake_parse_arguments(A "" "NAME" "SOURCES;LIBS" ${ARGN})
	if(NOT DQ_HAVE_UNIT_TESTS)
		return()
	endif()
	add_executable(test_${A_NAME} ${A_SOURCES})
	target_include_directories(test_${A_NAME} SYSTEM PRIVATE "${DQ_CMOCKA_INCLUDE}")
	target_compile_definitions(test_${A_NAME} PRIVATE "DQ_SOURCE_DIR=\"${CMAKE_SOURCE_DIR}\"")
	target_link_libraries(test_${A_NAME} PRIVATE dq_test_flags ${A_LIBS} "${DQ_CMOCKA_LIBRARY}")
	add_test(NAME unit.${A_NAME} COMMAND test_${A_NAME})
	dq_test_env(LABEL unit TESTS unit.${A_NAME})
endfunction()
