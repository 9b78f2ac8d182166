package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/logging"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// environment is what the commands have of the outside world.
type environment struct {
	streams
	getenv     func(string) string
	configPath string
	format     string
}

// session is an open connection to Google.
type session struct {
	cfg     config.Config
	log     *zap.Logger
	manager *subscriptions.Manager
	chat    *gchat.Client

	directory *directory
}

// open reads the configuration and opens Google's APIs. No call is made yet.
func (e *environment) open(ctx context.Context, needs ...config.Need) (*session, error) {
	cfg, err := config.Load(e.configPath, e.getenv, needs...)
	if err != nil {
		return nil, err
	}
	s := &session{cfg: cfg}
	if s.log, err = logging.New("warn", "console", e.err); err != nil {
		return nil, err
	}
	if s.manager, err = subscriptions.New(ctx, subscriptions.Options{
		Endpoint: cfg.Endpoints.WorkspaceEvents, EventTypes: subscriptions.EventTypesOf(cfg), Log: s.log,
	}); err != nil {
		return nil, err
	}
	if s.chat, err = gchat.New(ctx, gchat.Options{Endpoint: cfg.Endpoints.Chat}); err != nil {
		s.manager.Close()
		return nil, err
	}
	s.directory = &directory{chat: s.chat}
	return s, nil
}

// identity says who we are towards Google.
func (s *session) identity() string {
	switch s.cfg.Auth.Mode {
	case config.AuthUser:
		return "a user"
	case config.AuthImpersonate:
		return "a user, on whose behalf the service account acts"
	}
	return "the Chat app"
}

func (s *session) close() {
	s.manager.Close()
	s.chat.Close()
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
