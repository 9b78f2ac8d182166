package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

const (
	formatTable = "table"
	formatJSON  = "json"
)

// row is one subscription as it is printed. In JSON, fields that aren't known
// are left out.
type row struct {
	Space            string     `json:"space,omitempty"`
	Outcome          string     `json:"outcome,omitempty"` // of apply and delete
	Subscription     string     `json:"subscription,omitempty"`
	Target           string     `json:"target,omitempty"`
	State            string     `json:"state,omitempty"`
	SuspensionReason string     `json:"suspension_reason,omitempty"`
	Topic            string     `json:"topic,omitempty"`
	EventTypes       []string   `json:"event_types,omitempty"`
	IncludeResource  *bool      `json:"include_resource,omitempty"`
	ExpireTime       *time.Time `json:"expire_time,omitempty"`
	Error            string     `json:"error,omitempty"`
}

func rowOf(space, outcome string, s *subscriptions.Subscription, err error) row {
	r := row{Space: space, Outcome: outcome}
	if err != nil {
		r.Error = err.Error()
	}
	if s == nil {
		return r
	}
	r.Subscription, r.Target, r.Topic, r.EventTypes = s.Name, s.Target, s.Topic, s.EventTypes
	r.State, r.SuspensionReason = string(s.State), s.SuspensionReason
	if s.Target != "" {
		r.IncludeResource = &s.IncludeResource
	}
	if !s.ExpireTime.IsZero() {
		r.ExpireTime = &s.ExpireTime
	}
	return r
}

// print writes the rows to standard output. The table leaves out columns that
// are empty in every row.
func (e *environment) print(rows []row) error {
	if e.format == formatJSON {
		encoder := json.NewEncoder(e.stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(rows)
	}
	if len(rows) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	shown := filled(rows)
	line := func(cell func(column) string) {
		for i, c := range shown {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell(c))
		}
		fmt.Fprintln(w)
	}
	line(func(c column) string { return c.title })
	for _, r := range rows {
		line(func(c column) string {
			if v := c.value(r); v != "" {
				return v
			}
			return "-"
		})
	}
	return w.Flush()
}

type column struct {
	title string
	value func(row) string
}

func columns() []column {
	return []column{
		{"SPACE", func(r row) string { return r.Space }},
		{"OUTCOME", func(r row) string { return r.Outcome }},
		{"STATE", func(r row) string {
			if r.SuspensionReason != "" {
				return r.State + " (" + r.SuspensionReason + ")"
			}
			return r.State
		}},
		{"TYPES", func(r row) string {
			if len(r.EventTypes) == 0 {
				return ""
			}
			return strconv.Itoa(len(r.EventTypes))
		}},
		{"CONTENT", func(r row) string {
			switch {
			case r.IncludeResource == nil:
				return ""
			case *r.IncludeResource:
				return "yes"
			}
			return "names only"
		}},
		{"EXPIRES", func(r row) string {
			if r.ExpireTime == nil {
				return ""
			}
			return r.ExpireTime.Format(time.RFC3339)
		}},
		{"TOPIC", func(r row) string { return r.Topic }},
		{"SUBSCRIPTION", func(r row) string { return r.Subscription }},
	}
}

func filled(rows []row) []column {
	var shown []column
	for _, c := range columns() {
		for _, r := range rows {
			if c.value(r) != "" {
				shown = append(shown, c)
				break
			}
		}
	}
	return shown
}

// say writes a message for people.
func (e *environment) say(format string, args ...any) {
	fmt.Fprintf(e.stderr, format+"\n", args...)
}
