# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The suite that every kind of channel passes, on real pages and ports.

# Both ends are in dom0, which is twice as quick as a guest. A ring in the
# control page, and what is the default. What fails is among its last words.
test_the_conformance_suite() {
	run dom0 "lab-conformance 0 10 16 2>&1 |
		grep -v -e 'RUN  ' -e '  OK ' >/run/suite
		cat /run/suite
		grep -q PASSED /run/suite && ! grep -q FAILED /run/suite" ||
		fail "the suite fails"
}
