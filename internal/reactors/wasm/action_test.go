package wasm

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/reactorstest"
)

const canary = "canary-in-the-text"

func newAction(t *testing.T, o Options, delegates ...reactors.Action) *Action {
	t.Helper()
	if o.CompileTimeout == 0 {
		o.CompileTimeout = 5 * time.Minute // with the race detector on a busy machine
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute // the same
	}
	a := New(o, delegates...)
	t.Cleanup(func() {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

func prepareContext() reactors.PrepareContext {
	run := reactors.Run{
		Reactor: "rule", Subject: "spaces/AAA|users/1", Step: 2, Trigger: reactors.MemberJoined,
		Space: "spaces/AAA", Member: "users/1", EventTime: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
	}
	facts := reactors.Facts{
		Trigger: reactors.MemberJoined, Space: reactors.SpaceFacts{Name: "spaces/AAA"},
		Member:  reactors.MemberFacts{Name: "users/1", DisplayName: canary},
		Message: reactors.MessageFacts{Text: canary},
	}
	return reactors.PrepareContext{Run: run, Facts: facts, Label: "2.0", IDs: reactors.IDsOf(run)}
}

// send is an action in an answer.
func send(text string) map[string]any {
	return map[string]any{"send": map[string]any{"to": "spaces/AAA", "text": text}}
}

// checked are parameters that went through Check.
func checked(t *testing.T, a *Action, path string) *Params {
	t.Helper()
	p := &Params{Module: path}
	if mistakes := a.Check(p); len(mistakes) > 0 {
		t.Fatalf("Check: %+v", mistakes)
	}
	return p
}

func TestConformance(t *testing.T) {
	t.Parallel()
	reactorstest.Action(t, reactorstest.Harness{New: func(t *testing.T) reactorstest.Env {
		sender := reactorstest.NewFake("send")
		a := newAction(t, Options{}, sender)
		return reactorstest.Env{
			Action:  a,
			Restart: func() reactors.Action { return newAction(t, Options{}, sender) },
			Params:  checked(t, a, does(t, send("hello "+canary)).file(t)),
			Context: prepareContext(), Effects: sender.Effects, Writes: wroteTo(sender), Fail: sender.Fail, Canary: canary,
		}
	}})
}

// wroteTo lists the space of a Fake's messages once it has sent any.
func wroteTo(f *reactorstest.Fake) func() []string {
	return func() []string { return []string{"spaces/AAA"}[:min(1, f.Effects())] }
}

func TestDecisionIsStoredBeforeItIsDone(t *testing.T) {
	t.Parallel()
	sender, recorder := reactorstest.NewFake("send"), reactorstest.NewFake("record")
	a := newAction(t, Options{}, sender, recorder)
	tricky := "\"<users/1>\" \\ / \t\n\r\b\f\x01 ' : # - {{ x }} & > | é 😀 \u2028 \u0085 \u00a0\u00ad\ufeff null 1e3 ~"
	m := does(t, send(tricky), map[string]any{"record": map[string]any{"to": "x", "text": "1"}})
	m.data = strings.Replace(m.data, `{"do"`, `{"note":"two-of-them","do"`, 1)
	m.react = i64(dataAt<<32 | int64(len(m.data)))
	p := checked(t, a, m.file(t))
	c := prepareContext()
	prepared, err := a.Prepare(p, c)
	if err != nil {
		t.Fatal(err)
	}
	raw := prepared.Body
	var got request
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	body := func(label, to, text string) json.RawMessage {
		raw, err := json.Marshal(map[string]string{"key": c.IDs.Request(label), "to": to, "text": text})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	want := request{Module: p.Digest, Note: "two-of-them", Do: []reactors.Request{
		{
			Action: "send", Label: "2.0.0", Body: body("2.0.0", "spaces/AAA", tricky),
			Write: &reactors.Write{Space: "spaces/AAA", MessageIDs: []string{c.IDs.Request("2.0.0")}},
		},
		{
			Action: "record", Label: "2.0.1", Body: body("2.0.1", "x", "1"),
			Write: &reactors.Write{Space: "x", MessageIDs: []string{c.IDs.Request("2.0.1")}},
		},
	}}
	same := cmp.Transformer("JSON", func(raw json.RawMessage) (v any) {
		_ = json.Unmarshal(raw, &v)
		return v
	})
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	for i, effect := range []string{"a message to everybody in spaces/AAA", "a message to everybody in x"} {
		want.Do[i].Effect = effect // isn't stored
	}
	if diff := cmp.Diff(want.Do, prepared.Instead, same); diff != "" {
		t.Errorf("requests instead (-want +got):\n%s", diff)
	}
	// The second action fails; the next try begins at the front.
	recorder.Fail(reactorstest.Unavailable)
	if _, err := a.Act(t.Context(), raw); err == nil || reactors.IsPermanent(err) {
		t.Errorf("Act: error %v, want one that may be retried", err)
	}
	result, err := a.Act(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	wantResult := reactors.Result{Message: "spaces/FAKE/messages/" + c.IDs.Request("2.0.1"), Note: "two-of-them"}
	if diff := cmp.Diff(wantResult, result); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if got, want := sender.Effects()+recorder.Effects(), 2; got != want {
		t.Errorf("%d effects, want %d", got, want)
	}
}

func TestNothingToDo(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{})
	prepared, err := a.Prepare(checked(t, a, does(t).file(t)), prepareContext())
	if err != nil {
		t.Fatal(err)
	}
	result, err := a.Act(t.Context(), prepared.Body)
	if want := (reactors.Result{Note: "the module asked for nothing"}); err != nil || result != want {
		t.Errorf("Act = %+v, %v, want %+v", result, err, want)
	}
	// What a module asks for waits for its own write slot; there is none for nothing.
	if prepared.Write != nil || len(prepared.Instead) > 0 {
		t.Error("a module that asks for nothing would take a write slot")
	}
}

// TestARuleKeepsItsModule: the file changes before the rule's turn comes.
func TestARuleKeepsItsModule(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{}, reactorstest.NewFake("send"))
	path := does(t, send("old")).file(t)
	p := checked(t, a, path)
	before, err := a.Prepare(p, prepareContext())
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, path, does(t, send("new")).assemble())
	after, err := a.Prepare(p, prepareContext())
	if err != nil || string(after.Body) != string(before.Body) {
		t.Errorf("Prepare = %s, %v once the file has changed, want %s", after.Body, err, before.Body)
	}
	fresh, err := a.Prepare(checked(t, a, path), prepareContext())
	if err != nil || string(fresh.Body) == string(before.Body) {
		t.Errorf("Prepare of a rule that was loaded anew = %s, %v, want what the new module asks for", fresh.Body, err)
	}
}

func TestAnswersThatAreNotAllowed(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{}, reactorstest.NewFake("send"))
	for output, want := range map[string]string{
		"":                             "its answer isn't",
		canary:                         "its answer isn't",
		`{}`:                           "its answer isn't",
		`{"do":null}`:                  "its answer isn't",
		`{"do":{}}`:                    "its answer isn't",
		`{"do":[]}x`:                   "its answer isn't",
		`{"do":[],"` + canary + `":1}`: "its answer isn't",
		`{"do":[],"note":"` + canary + ` and more"}`:           "note isn't a code",
		`{"do":[` + strings.Repeat(`{},`, maxActions) + `{}]}`: "17 actions, more than 16",
		`{"do":[{}]}`:                                                                   "do[0]: isn't one action",
		`{"do":[{"send":{"to":"a"},"x":{}}]}`:                                           "do[0]: isn't one action",
		`{"do":[{"send":{"to":"a"}},{"` + canary + `":{}}]}`:                            "do[1]: names an action that modules can't ask for",
		`{"do":[{"webhook":{}}]}`:                                                       "names an action that modules can't ask for",
		`{"do":[{"send":null}]}`:                                                        "aren't an object",
		`{"do":[{"send":"` + canary + `"}]}`:                                            "aren't an object",
		`{"do":[{"send":{"to":"a","` + canary + `":1}}]}`:                               "unknown key",
		`{"do":[{"send":{"to":["` + canary + `"]}}]}`:                                   "must be text",
		`{"do":[{"send":{"to":"a","text":{"` + canary + `":1}}}]}`:                      "must be text",
		`{"do":[{"send":{"text":"` + canary + `"}}]}`:                                   `something wrong with "to"`,
		`{"do":[{"send":{"to":"a","text":"<users/all> ` + canary + `"}}]}`:              "mentions somebody",
		`{"do":[{"send":{"to":"a","text":"<users/1> < USERS/all|x> ` + canary + `"}}]}`: "mentions somebody",
		`{"do":[{"send":{"to":"a","text":"<users/all"}}]}`:                              "mentions somebody",
	} {
		p := checked(t, a, answers(output).file(t))
		_, err := a.Prepare(p, prepareContext())
		if !reactors.IsPermanent(err) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("Prepare of the answer %s: error %v, want a permanent %q that quotes nothing", output, err, want)
		}
	}
}

func TestStoredForAnActionThatIsGone(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{})
	_, err := a.Act(t.Context(), json.RawMessage(`{"do":[{"action":"send","label":"0.0.0","body":{}}]}`))
	if !reactors.IsPermanent(err) {
		t.Errorf("Act: error %v, want a permanent one", err)
	}
}
