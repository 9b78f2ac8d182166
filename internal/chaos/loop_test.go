package chaos

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/reconcile"
)

const echo = `
reactors:
  - id: echo
    mode: live
    on: message.created
    bots: true
    do:
      - send: { text: "Did you say something?" }
  - id: greet
    mode: live
    on: member.joined
    do:
      - send: { text: "Hello!" }
`

// instance is one of two workers of different apps that are in the same
// spaces. Each has its Workspace; what one says there, the other app says in
// the other's.
type instance struct {
	*environment
	worker        *process
	person, other string // who is there; the other is an app
	said          int    // of our messages: how many have been told
}

func newInstance(t *testing.T, rules string) *instance {
	t.Helper()
	env := newEnvironment(t, simulate.Options{Seed: 14, Spaces: 4, Users: 4})
	i := &instance{environment: env, person: env.addUsers(1)[0], other: env.AddUser(true)}
	for _, s := range env.Spaces() {
		if err := env.AddMembers(s.Name, i.person, i.other); err != nil {
			t.Fatal(err)
		}
	}
	env.Flush()
	i.worker = env.startWorker(t, rules)
	i.rest(t)
	i.said = len(env.Truth().AppMessages) // those of the greeting
	return i
}

// rest waits until there is nothing to do.
func (i *instance) rest(t *testing.T) {
	t.Helper()
	i.Flush()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := reconcile.Drain(ctx, i.db.Pool(), i.Broker(), i.subscription); err != nil {
		t.Fatal(err)
	}
}

// tell lets the other instance hear what this one has said, and reports whether
// there was something new.
func (i *instance) tell(t *testing.T, to *instance, count map[string]int) (news bool) {
	t.Helper()
	for _, m := range i.Truth().AppMessages[i.said:] {
		i.said++
		count[m.Space]++
		news = true
		if _, err := to.Post(m.Space, to.other, m.Text); err != nil {
			t.Fatal(err)
		}
	}
	return news
}

// Row R7: however a conversation of two apps begins that answer whatever they
// hear, however slowly, it ends after three messages at most. That is recorded and logged, and
// people are answered as before.
func TestTwoInstancesFallSilent(t *testing.T) {
	t.Parallel()
	rules := rulesSetting(t, echo)
	a, b := newInstance(t, rules), newInstance(t, rules)
	spaces := a.Spaces()
	say := func(i *instance, space, who string) {
		if _, err := i.Post(space, who, "Here I am."); err != nil {
			t.Fatal(err)
		}
	}
	// slowly makes it so that both have taken ten minutes since they reacted.
	slowly := func() {
		for _, i := range []*instance{a, b} {
			if _, err := i.db.Pool().Exec(t.Context(), `UPDATE reactor_runs SET admitted_at = now() - interval '20 minutes' WHERE admitted_at IS NOT NULL`); err != nil {
				t.Fatal(err)
			}
		}
	}
	beginnings := []struct {
		name  string
		begin func(space string)
		want  int
	}{
		{"a person says something", func(space string) { say(a, space, a.person); say(b, space, b.person) }, 2},
		{"another app says something", func(space string) { say(a, space, a.other); say(b, space, b.other) }, 2},
		{"the one greets somebody", func(space string) {
			if err := a.AddMembers(space, a.addUsers(1)...); err != nil {
				t.Fatal(err)
			}
		}, 3},
		{"only one hears a person", func(space string) { say(a, space, a.person) }, 2},
	}
	count := map[string]int{}
	for n, c := range beginnings {
		c.begin(spaces[n].Name)
	}
	for round := 0; ; round++ {
		a.rest(t)
		b.rest(t)
		slowly()
		// Not the short-circuiting kind: both are to speak.
		if fromA, fromB := a.tell(t, b, count), b.tell(t, a, count); !fromA && !fromB {
			break
		}
		if round == 10 {
			t.Fatalf("they still talk after %d rounds: %v", round, count)
		}
	}
	for n, c := range beginnings {
		if got := count[spaces[n].Name]; got != c.want {
			t.Errorf("%s: the apps said %d things, want %d", c.name, got, c.want)
		}
	}
	for _, i := range []*instance{a, b} {
		// Not to answer oneself is nothing to warn of.
		loops := i.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'loop' AND reason NOT LIKE '%our own'`)
		logged := func() int { return strings.Count(i.worker.log.String(), "apps may be answering each other") }
		eventually(t, 10*time.Second, "the loops are logged", func() bool { return logged() >= loops }) // after they are recorded
		if loops == 0 || logged() != loops {
			t.Errorf("%d loops are recorded, and %d logged", loops, logged())
		}
	}
	before := a.Counts().AppMessages
	say(a, spaces[0].Name, a.person)
	a.wantEventsExact(t, time.Minute)
	if got := a.Counts().AppMessages - before; got != 1 {
		t.Errorf("a person who asks again is answered %d times, want once", got)
	}
}
