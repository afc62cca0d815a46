/* SPDX-License-Identifier: MIT */
#ifndef GENERATE_NAME_H
#define GENERATE_NAME_H

/**
 * What things of a .proto file are called in C: as protoc-c calls them, to the
 * letter, for the code generated here stands on the code generated there.
 *
 * Source: c_helpers.cc of protobuf-c 1.4.1.
 *
 * Names are those of protobuf, with or without a dot before them, of at most
 * NAME_MAX_BYTES; protoc has checked that they are names.
 */

enum { NAME_MAX_BYTES = 512 };

/** A name in C; the longest is a capital of two letters for each of one. */
struct name {
	char text[4 * NAME_MAX_BYTES];
};

/** foo.bar.v1.HTTPThing: foo__bar__v1__httpthing, of variables, functions. */
struct name name_lower(const char *full_name);

/** foo.bar.v1.HTTPThing: FOO__BAR__V1__HTTPTHING, of macros. */
struct name name_upper(const char *full_name);

/** foo.bar.v1.HTTPThing: Foo__Bar__V1__HTTPThing, of types. */
struct name name_type(const char *full_name);

/** a/b-c.proto: "a/b-c", what files made of it begin with. */
struct name name_file(const char *file_name);

/** a/b-c.proto: A_2FB_2DC_2EPROTO, a part of a macro's name. */
struct name name_guard(const char *file_name);

#endif
