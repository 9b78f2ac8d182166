package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
)

// Nothing is measured by options that make no sense, and each says what it takes.
func TestWrongUse(t *testing.T) {
	t.Parallel()
	uses := clitest.WrongUses(t, benchmark(), nil, map[string]string{"--designs": "pul"})
	uses = slices.DeleteFunc(uses, func(args []string) bool { return len(args) == 0 }) // which measures
	uses = append(uses, []string{"scale", "--events=99"}, []string{"scale", "--events=1000000000"})
	for _, args := range append(uses, []string{"--rounds=0"}, []string{"--events=0"}, []string{"--big=-1"}, []string{"--rates=100,-1"}, []string{"--latency-for=1s"}) {
		var out, said bytes.Buffer
		env := cli.Env{Out: &out, Err: &said}
		if code := env.Run(t.Context(), benchmark(), args, nil); code != cli.Misused || out.Len() > 0 {
			t.Errorf("%v: got exit code %d, want %d:\n%s%s", args, code, cli.Misused, out.String(), said.String())
		}
		clitest.CheckWords(t, strings.Join(args, " "), said.String())
		if name, _, ok := strings.Cut(args[0], "="); ok && !strings.Contains(said.String(), name+" ") {
			t.Errorf("%v: it doesn't name the flag:\n%s", args, said.String())
		}
	}
}
