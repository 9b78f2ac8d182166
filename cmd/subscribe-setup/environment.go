package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
)

// environment is what the commands have of the outside world.
type environment struct {
	streams
	getenv     func(string) string
	configPath string
	format     string
}

// say writes a message for people.
func (e *environment) say(format string, args ...any) {
	fmt.Fprintf(e.err, format+"\n", args...)
}

// errUnanswered says that somebody has to agree and nobody is there.
var errUnanswered = errors.New("nobody is there to agree: add --yes once you have seen the plan")

// agree asks a question and reports whether the answer is yes.
func (e *environment) agree(ctx context.Context, question string) (bool, error) {
	if !e.asks {
		return false, errUnanswered
	}
	fmt.Fprintf(e.err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // it ends with the process, if nobody answers: a read can't be cancelled
		line, _ := bufio.NewReader(e.in).ReadString('\n')
		answer <- line
	}()
	select {
	case line := <-answer:
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "y" || line == "yes", nil
	case <-ctx.Done():
		fmt.Fprintln(e.err)
		return false, ctx.Err()
	}
}
