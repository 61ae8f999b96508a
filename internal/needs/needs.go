// Package needs decides what becomes of a test that needs something which not
// every machine has: by default it is skipped where that is missing.
package needs

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Skip skips the test if RULES_BTF_LEAVE_OUT has the word, even though nothing may be missing.
func Skip(tb testing.TB, word string) {
	tb.Helper()
	if listed("RULES_BTF_LEAVE_OUT", word) {
		tb.Skip("RULES_BTF_LEAVE_OUT has the word " + word)
	}
}

// Missing ends the test for what is missing: it is skipped, or fails if
// RULES_BTF_REQUIRE has the word.
func Missing(tb testing.TB, word string, why any) {
	tb.Helper()
	if listed("RULES_BTF_REQUIRE", word) {
		tb.Fatalf("%v, and RULES_BTF_REQUIRE has the word %s", why, word)
	}
	tb.Skip(why)
}

// listed reports whether an environment variable has a word.
func listed(variable, word string) bool {
	return slices.Contains(strings.FieldsFunc(os.Getenv(variable), func(r rune) bool { return r == ' ' || r == ',' }), word)
}
