package audit

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/analytics"
	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// The forms of records beside cli's.
const (
	jsonLines = "jsonl"
	asCSV     = "csv"
)

// printer prints records in one of the forms.
type printer struct {
	env   *cli.Env
	begun bool // the head is printed
}

func (p *printer) print(list []query.Record) error {
	switch p.env.Format {
	case cli.JSON:
		if list == nil {
			list = []query.Record{}
		}
		return p.env.Encode(list)
	case jsonLines:
		lines := json.NewEncoder(p.env.JSONOut())
		lines.SetEscapeHTML(false)
		for _, r := range list {
			if err := lines.Encode(r); err != nil {
				return fmt.Errorf("write the records: %w", err)
			}
		}
		return nil
	case asCSV:
		return p.csv(list)
	}
	if len(list) == 0 {
		return nil
	}
	return cli.Show(p.env, cli.List[query.Record]{Rows: list, Columns: tableColumns()})
}

func tableColumns() []cli.Column[query.Record] {
	return []cli.Column[query.Record]{
		{Title: "TIME", Value: func(r query.Record) string { return r.OccurredAt.Format(time.DateTime) }},
		{Title: "ACTION", Value: func(r query.Record) string { return r.Action }, Paint: paint},
		{Title: "ACTOR", Value: func(r query.Record) string { return called(r.ActorName, r.ActorID, r.ActorKind) }},
		{Title: "SPACE", Value: func(r query.Record) string { return called(r.SpaceName, r.SpaceID, "") }},
		{Title: "TARGET", Value: func(r query.Record) string {
			target := called(r.TargetName, r.TargetID, "")
			if r.SpaceID != nil && r.TargetType != "space" {
				target = strings.TrimPrefix(target, *r.SpaceID+"/")
			}
			return target
		}},
		{Title: "DETAIL", Value: detail},
		{Title: "ID", Value: func(r query.Record) string { return r.ID[:min(len(r.ID), idShown)] }},
	}
}

// called is a name, or else the id, or else what stands for nobody.
func called(name, id *string, nobody string) string {
	switch {
	case name != nil:
		return *name
	case id != nil:
		return *id
	case nobody == "unknown":
		return ""
	}
	return nobody
}

func paint(r query.Record) cli.Colour {
	switch _, verb, _ := strings.Cut(r.Action, "."); verb {
	case "deleted", "left", "removed", "failed", "opened", "suspended", "expired":
		return cli.Red
	case "created", "joined", "added", "sent", "closed":
		return cli.Green
	}
	return cli.Yellow
}

// detail says in a few words what both states hold.
func detail(r query.Record) string {
	before, after := fields(r.Prior), fields(r.Resulting)
	var parts []string
	for _, name := range []string{"deletion_class", "emoji", "display_name", "state", "role", "cause", "outcome",
		"member", "step", "events", "characters", "text"} {
		old, had := before[name]
		now, has := after[name]
		switch {
		case name == "characters" && (before["text"] != "" || after["text"] != ""),
			old == now && r.Action != "gap.closed" && had, !had && !has:
			continue
		case name == "characters":
			old, now = characters(old), characters(now)
		case name == "text":
			old, now = cli.Shorten(old, 60), cli.Shorten(now, 60)
		}
		switch {
		case had && has:
			parts = append(parts, old+" → "+now)
		case has:
			parts = append(parts, now)
		case name != "state" && name != "role":
			parts = append(parts, old)
		}
	}
	if r.Source != "live" {
		parts = append(parts, "("+r.Source+")")
	}
	return strings.Join(parts, ", ")
}

func characters(n string) string {
	switch n {
	case "":
		return ""
	case "1":
		return "1 character"
	}
	return n + " characters"
}

// fields are those of a state, as people read them.
func fields(state json.RawMessage) map[string]string {
	var values map[string]any
	_ = json.Unmarshal(state, &values) // without a state there are none
	texts := map[string]string{}
	for name, value := range values {
		switch v := value.(type) {
		case nil:
		case string:
			texts[name] = v
		case float64:
			texts[name] = fmt.Sprint(int64(v))
		default:
			texts[name] = fmt.Sprint(v)
		}
	}
	return texts
}

// csv prints records so that no spreadsheet takes a text for a formula.
func (p *printer) csv(list []query.Record) error {
	var out []byte
	if !p.begun {
		p.begun = true
		out = append(out, strings.NewReplacer("\n", "", "\t", "", " ", "").Replace(columns)...)
		out = append(out, '\n')
	}
	for _, r := range list {
		at := func(t *time.Time) *string {
			if t == nil {
				return nil
			}
			text := t.Format(time.RFC3339Nano)
			return &text
		}
		raw := func(j []byte) *string {
			if j == nil {
				return nil
			}
			text := string(j)
			return &text
		}
		var changed *string
		if r.Changed != nil {
			text := strings.Join(r.Changed, " ")
			changed = &text
		}
		for i, text := range []*string{
			&r.ID, at(&r.OccurredAt), at(r.RecordedAt), &r.Category, &r.Action, r.ActorID, r.ActorName, &r.ActorKind, r.SpaceID, r.SpaceName,
			&r.TargetType, r.TargetID, r.TargetName, r.ThreadID, at(r.TargetCreatedAt), raw(r.Prior), raw(r.Resulting), changed,
			&r.Source, &r.ToldBy,
		} {
			if i > 0 {
				out = append(out, ',')
			}
			if text != nil {
				out = analytics.AppendCSVText(out, []byte(*text))
			}
		}
		out = append(out, '\n')
	}
	if _, err := p.env.Out.Write(out); err != nil {
		return fmt.Errorf("write the records: %w", err)
	}
	return nil
}
