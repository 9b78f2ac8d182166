// Package record is the action "record": it writes one row that people and
// dashboards can count, and tells nobody.
//
// # What it promises
//
// One row for each run and label, whatever is repeated. A row holds the rule's
// own name for what happened, a value, and whom and what it is about.
//
// # What the caller must do
//
// Give it a [Recorder], which the store implements by an upsert on the key.
//
// # What happens on failure
//
// A value that is too long is a permanent error, as is a stored request that
// isn't one. What the Recorder returns is passed on with its marks.
//
// # Concurrency
//
// An Action may be used by any number of goroutines if its Recorder may.
package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// MaxValue is how many bytes a value may have.
const MaxValue = 4096

// Recorder keeps entries.
type Recorder interface {
	// Record keeps the entry. If there is one with the same key, nothing
	// changes and the error is nil.
	Record(ctx context.Context, e Entry) error
}

// Entry is the row, and the stored request.
type Entry struct {
	Key     string    `json:"key"` // a UUID that follows from the run and the label
	Name    string    `json:"name"`
	Value   string    `json:"value"`
	Reactor string    `json:"reactor"`
	Space   string    `json:"space"`  // "spaces/S"; "" for none
	Member  string    `json:"member"` // "users/U"; "" for nobody
	At      time.Time `json:"at"`     // of the newest event that asked for it
}

// Params are the action's parameters.
type Params struct {
	Name  string             `yaml:"name" required:"true" pattern:"^[a-z][a-z0-9_.]{0,62}$" doc:"What is recorded, in your words: lower-case letters, digits, _ and ., such as welcome.skipped."`
	Value reactors.PlainText `yaml:"value" doc:"A value to keep with it; may hold placeholders. At most 4096 bytes."`
}

// Action records.
type Action struct {
	reactors.Described[Params]
	to Recorder
}

// New returns the action, which records to a Recorder. It may be nil where
// nothing is acted on, as in lint.
func New(to Recorder) *Action {
	return &Action{reactors.Describe[Params]("record", reactors.Observes), to}
}

// Check implements [reactors.Action].
func (*Action) Check(params any) []reactors.ParamError {
	switch p := params.(*Params); {
	case p.Name == "":
		return []reactors.ParamError{{Field: "name", Message: "name is missing", Suggestion: "say what is recorded, such as welcome.skipped"}}
	case !validName(p.Name):
		return []reactors.ParamError{{Field: "name", Message: "name must begin with a lower-case letter and hold only those, digits, _ and ., at most 63 in all", Suggestion: "write it like welcome.skipped"}}
	}
	return nil
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,62}$`).MatchString

// Prepare implements [reactors.Action].
func (*Action) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*Params)
	// Postgres takes neither invalid UTF-8 nor NUL.
	value := strings.ReplaceAll(strings.ToValidUTF8(p.Value.Value, "\uFFFD"), "\x00", "")
	if len(value) > MaxValue {
		err := fmt.Errorf("record %q: the value has %d bytes, more than %d", p.Name, len(value), MaxValue)
		return reactors.Prepared{}, reactors.Permanent(err)
	}
	return c.Encode(Entry{
		Key: c.IDs.Request(c.Label), Name: p.Name, Value: value,
		Reactor: c.Run.Reactor, Space: c.Run.Space, Member: c.Run.Member, At: c.Run.EventTime.UTC(),
	}, "a record of "+p.Name+" in the database")
}

// Act implements [reactors.Action].
func (a *Action) Act(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
	e, err := reactors.ReadRequest[Entry]("record", request)
	if err != nil || e.Key == "" || !validName(e.Name) || len(e.Value) > MaxValue {
		return reactors.Result{}, reactors.Permanent(errors.New("read the stored request: it isn't one of record"))
	}
	if err := ctx.Err(); err != nil {
		return reactors.Result{}, fmt.Errorf("record %q: %w", e.Name, err)
	}
	if err := a.to.Record(ctx, e); err != nil {
		return reactors.Result{}, fmt.Errorf("record %q: %w", e.Name, err)
	}
	return reactors.Result{Note: "recorded " + e.Name}, nil
}
