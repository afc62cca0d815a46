# SPDX-License-Identifier: MIT
# What is installed and where: the programs, the library with what finds it,
# and the modules that it loads when an address names them.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/heliograph)
set(module_dir ${CMAKE_INSTALL_LIBDIR}/heliograph)

# From a file of pkg-config to the prefix that it was installed to.
file(RELATIVE_PATH pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
	${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${pc_prefix}")

foreach(program helio heliod helio-vm helio-registry helio-logger helio-store
		helio-xenstore)
	if(TARGET ${program})
		set_target_properties(${program} PROPERTIES INSTALL_RPATH
			\$ORIGIN/../${CMAKE_INSTALL_LIBDIR})
		install(TARGETS ${program})
	endif()
endforeach()

foreach(module heliograph-tcp heliograph-vchan)
	if(TARGET ${module})
		install(TARGETS ${module} LIBRARY DESTINATION ${module_dir})
	endif()
endforeach()

set(version_script ${PROJECT_SOURCE_DIR}/packaging/heliograph.map)
set_target_properties(heliograph PROPERTIES
	VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
	LINK_DEPENDS ${version_script})
target_link_options(heliograph PRIVATE
	-Wl,--version-script=${version_script})
target_include_directories(heliograph INTERFACE
	$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# The static library is one object with all that it stands on inside, and what
# is hidden in the shared one is hidden in it as well.
foreach(part heliograph_static transports proto proto_control)
	list(APPEND parts $<TARGET_OBJECTS:${part}>)
endforeach()
# The command line of programs that serve is no part of it.
list(APPEND parts $<FILTER:$<TARGET_OBJECTS:base>,EXCLUDE,/\(options\|supervised\)[.]c[.]o>)
add_custom_command(OUTPUT libheliograph.a
	COMMAND ${CMAKE_LINKER} -r -o heliograph.o ${parts}
	COMMAND ${CMAKE_OBJCOPY} --localize-hidden heliograph.o
	COMMAND ${CMAKE_COMMAND} -E rm -f libheliograph.a
	COMMAND ${CMAKE_AR} rcs libheliograph.a heliograph.o
	DEPENDS ${parts} COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(heliograph_archive ALL
	DEPENDS ${PROJECT_BINARY_DIR}/libheliograph.a)

# For static programs, which can load no module: vchan, with what it needs of
# the other's hidden insides.
if(TARGET vchan_objects)
	set(vchan_parts $<TARGET_OBJECTS:vchan_objects>
		$<FILTER:$<TARGET_OBJECTS:transports>,INCLUDE,/\(ring\|ring_ends\|seam\)[.]c[.]o>)
	add_custom_command(OUTPUT libheliograph-vchan.a
		COMMAND ${CMAKE_LINKER} -r -o heliograph-vchan.o ${vchan_parts}
		COMMAND ${CMAKE_OBJCOPY} --localize-hidden
			--localize-symbol=helio_transport heliograph-vchan.o
		COMMAND ${CMAKE_COMMAND} -E rm -f libheliograph-vchan.a
		COMMAND ${CMAKE_AR} rcs libheliograph-vchan.a
			heliograph-vchan.o
		DEPENDS ${vchan_parts} COMMAND_EXPAND_LISTS VERBATIM)
	add_custom_target(heliograph_vchan_archive ALL
		DEPENDS ${PROJECT_BINARY_DIR}/libheliograph-vchan.a)
	configure_file(packaging/heliograph-vchan.pc.in heliograph-vchan.pc
		@ONLY)
	install(FILES ${PROJECT_BINARY_DIR}/libheliograph-vchan.a
		DESTINATION ${CMAKE_INSTALL_LIBDIR})
	install(FILES ${PROJECT_BINARY_DIR}/heliograph-vchan.pc
		DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

install(TARGETS heliograph EXPORT heliographTargets)
install(FILES ${PROJECT_BINARY_DIR}/libheliograph.a
	DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PROJECT_SOURCE_DIR}/rpc/heliograph.h TYPE INCLUDE)
install(EXPORT heliographTargets NAMESPACE heliograph::
	DESTINATION ${package_dir})

# Typed calls: a library of their own, shared and static, for who has them.
set_target_properties(heliograph_rpc PROPERTIES
	SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${version_script})
target_link_options(heliograph_rpc PRIVATE
	-Wl,--version-script=${version_script})
target_include_directories(heliograph_rpc INTERFACE
	$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set(rpc_parts $<TARGET_OBJECTS:heliograph_rpc_static>
	$<TARGET_OBJECTS:log_types> $<TARGET_OBJECTS:proto_log>
	$<TARGET_OBJECTS:store_types>
	$<FILTER:$<TARGET_OBJECTS:proto_store>,INCLUDE,/store[.]pb-c[.]c[.]o>
	$<TARGET_OBJECTS:proto_control>
	$<FILTER:$<TARGET_OBJECTS:heliograph_static>,INCLUDE,/metadata[.]c[.]o>
	$<FILTER:$<TARGET_OBJECTS:proto>,INCLUDE,/\(pack\|run.*\|subject\|unpack.*\|wire\)[.]c[.]o>
	$<FILTER:$<TARGET_OBJECTS:proto_generated>,INCLUDE,/\(registry\|instance\)[.]pb-c[.]c[.]o>
	$<FILTER:$<TARGET_OBJECTS:base>,INCLUDE,/\(crc32c\|hash\|map\|utf8\)[.]c[.]o>)
add_custom_command(OUTPUT libheliograph-rpc.a
	COMMAND ${CMAKE_LINKER} -r -o heliograph-rpc.o ${rpc_parts}
	COMMAND ${CMAKE_OBJCOPY} --localize-hidden heliograph-rpc.o
	COMMAND ${CMAKE_COMMAND} -E rm -f libheliograph-rpc.a
	COMMAND ${CMAKE_AR} rcs libheliograph-rpc.a heliograph-rpc.o
	DEPENDS ${rpc_parts} COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(heliograph_rpc_archive ALL
	DEPENDS ${PROJECT_BINARY_DIR}/libheliograph-rpc.a)
configure_file(packaging/heliograph-rpc.pc.in heliograph-rpc.pc @ONLY)
install(TARGETS heliograph_rpc EXPORT heliographGenerateTargets)
install(FILES ${PROJECT_BINARY_DIR}/libheliograph-rpc.a
	DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PROJECT_BINARY_DIR}/heliograph-rpc.pc
	DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# helio_generate() and what it runs, found together with the library.
set_target_properties(heliograph_generated PROPERTIES EXPORT_NAME generated)
install(TARGETS protoc-gen-helio heliograph_generated
	EXPORT heliographGenerateTargets)
install(FILES ${PROJECT_SOURCE_DIR}/rpc/heliograph-rpc.h
	${PROJECT_SOURCE_DIR}/rpc/heliograph-log.h
	${PROJECT_SOURCE_DIR}/rpc/heliograph-store.h TYPE INCLUDE)
install(EXPORT heliographGenerateTargets NAMESPACE heliograph::
	DESTINATION ${package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/cmake/HeliographGenerate.cmake
	DESTINATION ${package_dir})

# Of services, for who calls them.
set(proto_dir ${CMAKE_INSTALL_DATADIR}/heliograph/proto)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/helio DESTINATION ${proto_dir}
	FILES_MATCHING PATTERN "*.proto" PATTERN journal.proto EXCLUDE)

configure_file(packaging/heliograph.pc.in heliograph.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/heliograph.pc
	DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(packaging/heliographConfig.cmake.in
	heliographConfig.cmake INSTALL_DESTINATION ${package_dir}
	PATH_VARS proto_dir)
write_basic_package_version_file(heliographConfigVersion.cmake
	COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/heliographConfig.cmake
	${PROJECT_BINARY_DIR}/heliographConfigVersion.cmake
	DESTINATION ${package_dir})
