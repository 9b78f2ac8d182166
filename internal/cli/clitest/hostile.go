package clitest

import (
	"fmt"
	"testing"
	"unicode"
)

// Hostile is what somebody may call a space, or answer in Google's place: it
// would clear a screen, change its title, turn the direction of what follows,
// and begin lines of its own.
const Hostile = "Ops \x1b[2J\x1b]0;owned\x07\u009b31m\u202egnp.exe\u2066\u200b\r\nsubscriber: all is well\u2028\u0085\x00 Ω"

// CheckOutput fails t if an output would do anything to a terminal but show
// characters and begin lines.
func CheckOutput(t *testing.T, command, output string) {
	t.Helper()
	for i, r := range output {
		if r != '\n' && r != '\u200c' && r != '\u200d' && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)) {
			t.Errorf("%s prints %s:\n%q", command, fmt.Sprintf("%U", r), output[max(0, i-100):min(len(output), i+100)])
			return
		}
	}
}
