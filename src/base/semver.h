/*
 * Versions as Semantic Versioning 2.0 writes them (https://semver.org), and the "track" by which
 * versioned interfaces are matched: 1.x.y versions are interchangeable, and so are 0.2.x ones;
 * 0.0.x and prereleases match only themselves.
 */
#pragma once

#include "span.h"

typedef struct sw_semver {
    uint64_t major, minor, patch;
    sw_str prerelease, build; /* without the '-' and '+'; borrowed from the input; may be empty */
} sw_semver;

/* Strict: three numbers without leading zeroes, then -prerelease and +build if any. */
SW_NODISCARD bool sw_semver_parse(sw_str text, sw_semver *ret_version);

/* Order of precedence: <0, 0, >0. Build metadata does not count. */
int sw_semver_compare(const sw_semver *a, const sw_semver *b);

#define SW_SEMVER_TRACK_BYTES 24

/* Writes the track, "1" or "0.2", without a NUL; its length, 0 if the version has none. */
size_t sw_semver_track(const sw_semver *v, char out[SW_SEMVER_TRACK_BYTES]);

/* Whether one may stand in for the other: equal, or on the same track. */
bool sw_semver_compatible(const sw_semver *a, const sw_semver *b);

/* Splits "wasi:io/streams@0.2.3" at the '@'. False if there is none or what follows is no version:
 * *ret_name is then the whole text. */
bool sw_semver_split(sw_str text, sw_str *ret_name, sw_semver *ret_version);
