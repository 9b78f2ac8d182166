package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var now = time.Date(2026, 11, 20, 12, 30, 0, 0, time.FixedZone("", 3600))

func TestWrongQueries(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`actro:users/123`: "there is no key \"actro\": did you mean actor? What is to be found as text stands in quotation marks\n  actro:users/123\n  ^",
		`actor:users/1 action:mesage.created`: "there is no action \"mesage.created\": did you mean message.created?\n" +
			"  actor:users/1 action:mesage.created\n                       ^",
		`action:message.*  -`:            "a - alone leaves out nothing: write it before a term, such as -actor_kind:app\n  action:message.*  -\n                    ^",
		`space:"Team News`:               "this quotation mark isn't closed\n  space:\"Team News\n        ^",
		`source:`:                        "source: lacks its value: live, backfill or reconcile\n  source:\n         ^",
		`source:lve`:                     "source is never \"lve\": did you mean live?\n  source:lve\n         ^",
		`created:2026-08-15..2026-08-01`: "the range ends before it begins\n  created:2026-08-15..2026-08-01\n          ^",
		`created:tomorow`:                "\"tomorow\" is no time: want 2026-08-01, 2026-08-01T09:30:00Z, today, yesterday, 2d or \"2 days ago\"\n  created:tomorow\n          ^",
		`created:"2 days ago"`:           "nothing happens at one moment: write created:>\"2 days ago\", or a day\n  created:\"2 days ago\"\n          ^",
		`age:1h`:                         "write age:>1h, age:<1h or a range\n  age:1h\n      ^",
		`-preset:gaps`:                   "a preset can't be turned round: write its terms, which audit search --presets shows\n  -preset:gaps\n  ^",
		`""`:                             "there is nothing between these quotation marks\n  \"\"\n  ^",
		strings.Repeat("x", 10_001):      "the query has 10001 bytes: at most 10000",
		"\xff":                           "the query is not UTF-8",
		strings.Repeat("x ", 101):        "the query has 101 terms: at most 100\n  …" + strings.Repeat("x ", 30) + "x \n  " + strings.Repeat(" ", 61) + "^",
		"é\n" + `x:1`:                    "there is no key \"x\", but action, actor, actor_kind, age, changed, class, created, preset, source, space, target, thread. What is to be found as text stands in quotation marks\n  é x:1\n    ^",
	} {
		_, err := Parse(text, now)
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Errorf("%.60q: %v", text, err)
		} else if diff := cmp.Diff(want, wrong.Error()); diff != "" {
			t.Errorf("%.60q (-want +got):\n%s", text, diff)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, now.Location()) }
	for value, want := range map[string][2]time.Time{
		"2026-11-18":              {day(18), day(19)},
		"2026-11-18..2026-11-19":  {day(18), day(20)},
		"2026-11-18..*":           {day(18), latest},
		"*..yesterday":            {earliest, day(20)},
		"today":                   {day(20), day(21)},
		">2026-11-18":             {day(19), latest},
		">=2026-11-18":            {day(18), latest},
		"<2026-11-18":             {{}, day(18)},
		"<=2026-11-18":            {{}, day(19)},
		`>"2 days ago"`:           {now.AddDate(0, 0, -2).Add(tick), latest},
		`>="an hour ago"`:         {now.Add(-time.Hour), latest},
		"<12h":                    {{}, now.Add(-12 * time.Hour)},
		">2026-11-18T10:00:00Z":   {time.Date(2026, 11, 18, 10, 0, 0, 1000, time.UTC), latest},
		"<=2026-11-18T10:00":      {{}, day(18).Add(10*time.Hour + tick)},
		`"2026-11-18 10:00..now"`: {day(18).Add(10 * time.Hour), now.Add(tick)},
	} {
		q, err := Parse("created:"+value, now)
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if got := q.Terms[0]; !got.From.Equal(want[0]) || !got.Until.Equal(want[1]) {
			t.Errorf("%s: %s to %s, want %s", value, got.From, got.Until, want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	sent := now.Add(-2 * time.Hour)
	edited := Record{
		OccurredAt: now, Category: "message", Action: "message.edited", ActorID: text("users/1"), ActorKind: "person", SpaceID: text("spaces/S"),
		TargetID: text("spaces/S/messages/M"), TargetCreatedAt: &sent, Changed: []string{"text"}, Source: "live",
		Prior: []byte(`{"text":"the Release"}`), Resulting: []byte(`{"text":"later"}`),
	}
	deleted := Record{
		OccurredAt: now, Category: "message", Action: "message.deleted", ActorKind: "unknown", SpaceID: text("spaces/T"), TargetID: text("spaces/T/messages/N"),
		Source: "backfill", Prior: []byte(`{"characters":5}`), Resulting: []byte(`{"deletion_class":"admin"}`),
	}
	for query, want := range map[string][2]bool{
		``:                                       {true, true},
		`actor:users/1`:                          {true, false},
		`-actor:users/1`:                         {false, true}, // unknown is another
		`actor:*`:                                {true, false},
		`action:message.*`:                       {true, true},
		`action:message.edited action:member.*`:  {true, false},
		`action:*.deleted -source:live`:          {false, true},
		`space:spaces/S space:spaces/T`:          {true, true},
		`target:spaces/S/*`:                      {true, false},
		`release`:                                {true, false},
		`"the rel" LATER`:                        {true, false},
		`-later`:                                 {false, true},
		`changed:text age:>1h`:                   {true, false},
		`age:<=2h`:                               {true, false},
		`age:<2h`:                                {false, false},
		`preset:edited-late`:                     {true, false},
		`preset:deleted-by-another`:              {false, true},
		`class:creator`:                          {false, false},
		`created:today -created:2026-11-20`:      {false, false},
		`actor_kind:person actor_kind:app`:       {true, false},
		`created:>="1 hour ago" source:backfill`: {false, true},
	} {
		q, err := Parse(query, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{q.Match(&edited), q.Match(&deleted)}; got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	for _, p := range Presets() {
		if _, err := Parse("preset:"+p.Name, now); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

func TestLike(t *testing.T) {
	t.Parallel()
	for pattern, texts := range map[string][2]string{ // what it is like, and what not
		"a": {"a", "ab"}, "a*": {"ab", "ba"}, "*a": {"ba", "ab"}, "a*a": {"aa", "a"}, "*b*": {"abc", "ac"}, "a*b*c": {"abbc", "acb"}, "*": {"", "-"},
	} {
		if !like(pattern, texts[0]) || like(pattern, texts[1]) && pattern != "*" {
			t.Errorf("%s: %v", pattern, texts)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`actor:users/123 space:"Team News" action:message.* -actor_kind:app created:2026-08-01..2026-08-15 "release"`,
		`created:>"2 days ago" -"a \"b\" \\" age:1h..2d preset:gaps`, `-`, `"`, `a:"b"c\`, `created:*..* x`, "-\u2028x\\:", `created:"2026-08-01 10:00"..now`,
		`created:>99999999d`, `age:>106751d`, `space:""`, `-:x`, `created:">a \" b"`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text, now)
		if err != nil {
			_ = err.Error()
			return
		}
		again, err := Parse(q.String(), now)
		if err != nil {
			t.Fatalf("%q is %q, and that: %v", text, q.String(), err)
		}
		if diff := cmp.Diff(q, again, cmpopts.IgnoreUnexported(Term{})); diff != "" {
			t.Errorf("%q is %q, which is another (-first +again):\n%s", text, q.String(), diff)
		}
		q.Match(&Record{})
	})
}
