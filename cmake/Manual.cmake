# SPDX-License-Identifier: MIT
# helio_manual(PROGRAM SOURCES source... LIBS lib...): the manual page of a
# program that serves, from `options_table` in one of the sources.
function(helio_manual program)
	cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
	set(page ${CMAKE_CURRENT_BINARY_DIR}/${program}.8)
	add_executable(${program}-page ${arg_SOURCES}
		${PROJECT_SOURCE_DIR}/base/options_page.c)
	target_link_libraries(${program}-page PRIVATE base_manual ${arg_LIBS})
	set_target_properties(${program}-page PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
	add_custom_command(OUTPUT ${page} DEPENDS ${program}-page VERBATIM
		COMMAND ${program}-page > ${page})
	add_custom_target(${program}-manual ALL DEPENDS ${page})
	install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
endfunction()
