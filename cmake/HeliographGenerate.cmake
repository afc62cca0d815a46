# SPDX-License-Identifier: MIT
# helio_generate(TARGET name PROTOS file... [IMPORT_DIRS dir...]
#                [LINK target...] [MESSAGES target])
#
# A static library of what protoc-c and protoc-gen-helio make of .proto files:
# NAME.pb-c.h, with the messages, and NAME.helio.h, with the schema, the types
# of services, and typed calls.
#
#   TARGET       the name of the library
#   PROTOS       all files of a package together, for they share a schema; paths
#                as they import each other, below one of IMPORT_DIRS
#   IMPORT_DIRS  where PROTOS and what they import are; the current source
#                directory if nothing is said. protoc's own are known to it
#   LINK         targets of helio_generate() whose files are imported
#   MESSAGES     a target that has the NAME.pb-c.c already: they are not made
#
# Files in proto2, and in proto3 without the word "optional", which protoc-c
# does not know there.
include_guard(GLOBAL)

find_program(HELIO_PROTOC protoc)
find_program(HELIO_PROTOC_GEN_C protoc-gen-c)

# Where a .proto file lies, by the name that others import it by.
function(_helio_find_proto name dirs ret)
	foreach(dir IN LISTS dirs)
		if(EXISTS ${dir}/${name})
			set(${ret} ${dir}/${name} PARENT_SCOPE)
			return()
		endif()
	endforeach()
	message(FATAL_ERROR
		"helio_generate: ${name} is in none of the directories ${dirs}")
endfunction()

function(_helio_check_arguments)
	if(arg_UNPARSED_ARGUMENTS)
		message(FATAL_ERROR "helio_generate: what are "
			"${arg_UNPARSED_ARGUMENTS}?")
	endif()
	if(NOT arg_TARGET OR NOT arg_PROTOS)
		message(FATAL_ERROR
			"helio_generate: TARGET and PROTOS must be given")
	endif()
	if(NOT HELIO_PROTOC OR NOT HELIO_PROTOC_GEN_C)
		message(FATAL_ERROR "helio_generate: needs protoc and "
			"protoc-gen-c, which Debian has in protobuf-compiler "
			"and protobuf-c-compiler")
	endif()
endfunction()

function(helio_generate)
	cmake_parse_arguments(arg "" "TARGET;MESSAGES" "PROTOS;IMPORT_DIRS;LINK"
		${ARGN})
	_helio_check_arguments()
	# A function sees the variables of its caller.
	foreach(list dirs protos sources headers messages)
		set(${list})
	endforeach()
	if(NOT arg_IMPORT_DIRS)
		set(arg_IMPORT_DIRS ${CMAKE_CURRENT_SOURCE_DIR})
	endif()
	foreach(dir IN LISTS arg_IMPORT_DIRS)
		cmake_path(ABSOLUTE_PATH dir NORMALIZE)
		list(APPEND dirs ${dir})
	endforeach()
	set(all_dirs ${dirs})
	set(depends heliograph::protoc-gen-helio)
	foreach(target IN LISTS arg_LINK)
		get_target_property(more ${target} HELIO_IMPORT_DIRS)
		list(APPEND all_dirs ${more})
		get_target_property(more ${target} HELIO_PROTOS)
		list(APPEND depends ${more})
	endforeach()
	list(REMOVE_DUPLICATES all_dirs)
	list(TRANSFORM all_dirs PREPEND --proto_path= OUTPUT_VARIABLE paths)

	# A folder of its own: a program may be called as a package is.
	set(out ${CMAKE_CURRENT_BINARY_DIR}/generated/${arg_TARGET})
	file(MAKE_DIRECTORY ${out})
	foreach(name IN LISTS arg_PROTOS)
		_helio_find_proto(${name} "${dirs}" path)
		list(APPEND protos ${path})
		string(REGEX REPLACE "[.]proto$" "" base ${out}/${name})
		list(APPEND sources ${base}.helio.c)
		list(APPEND headers ${base}.helio.h)
		if(NOT arg_MESSAGES)
			list(APPEND sources ${base}.pb-c.c)
			list(APPEND headers ${base}.pb-c.h)
		endif()
	endforeach()
	if(NOT arg_MESSAGES)
		set(messages --plugin=protoc-gen-c=${HELIO_PROTOC_GEN_C}
			--c_out=${out})
	endif()

	# What cannot be is refused by ours first, which says it more clearly.
	add_custom_command(OUTPUT ${sources} ${headers}
		COMMAND ${HELIO_PROTOC} ${paths}
			--plugin=protoc-gen-helio=$<TARGET_FILE:heliograph::protoc-gen-helio>
			--helio_out=${out} ${messages} ${arg_PROTOS}
		DEPENDS ${protos} ${depends}
		COMMENT "Generating typed calls of ${arg_TARGET}"
		COMMAND_EXPAND_LISTS VERBATIM)
	add_library(${arg_TARGET} STATIC ${sources} ${headers})
	set_target_properties(${arg_TARGET} PROPERTIES
		HELIO_PROTOS "${protos}" HELIO_IMPORT_DIRS "${dirs}")
	target_include_directories(${arg_TARGET} SYSTEM PUBLIC ${out})
	target_link_libraries(${arg_TARGET} PUBLIC heliograph::generated
		${arg_LINK} ${arg_MESSAGES})
endfunction()
