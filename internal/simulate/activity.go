package simulate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Activity is what the people of a Workspace do by themselves.
type Activity struct {
	Seed  uint64  // with the Workspace's own: what they do
	Rate  float64 // events a second on average, at irregular distances; 0 means as fast as possible
	Steps int     // ends after so many events; 0 means only when ctx does
}

// Run lets people post, answer, react, edit, delete, join, leave, come back
// and rename, until ctx ends, which is no error, or the steps are done. Then it
// publishes the events that a fault holds back. Two runs with the same seeds do
// the same, whatever the worker writes, as long as nobody else changes the
// Workspace. Only one may run at a time.
func (w *Workspace) Run(ctx context.Context, a Activity) error {
	if a.Rate <= 0 && a.Steps <= 0 {
		return errors.New("run activity: give a rate or a number of steps")
	}
	defer w.Flush()
	p := &people{
		w:    w,
		rng:  rand.New(rand.NewPCG(w.opts.Seed, a.Seed^0xac71)),
		left: map[string][]string{},
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now()
	for step := 0; a.Steps == 0 || step < a.Steps; step++ {
		if a.Rate > 0 {
			timer.Reset(time.Until(due))
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			due = due.Add(time.Duration(p.rng.ExpFloat64() / a.Rate * float64(time.Second)))
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := p.step(); err != nil {
			return fmt.Errorf("run activity, step %d: %w", step, err)
		}
	}
	return nil
}

// people remembers the messages and reactions that they may answer, edit or take
// back. They ignore what the app writes, so that it can't change what they do.
type people struct {
	w         *Workspace
	rng       *rand.Rand
	messages  []spoken // newest last
	reactions []string // newest last
	invited   [][2]string
	left      map[string][]string // by space, who might come back
}

type spoken struct{ name, space, sender string }

// memory is how many messages and reactions people remember.
const memory = 200

// step is something that people do, and how often among all weights. do returns
// false if there is nothing to do it with.
type step struct {
	weight int
	do     func(*people, string) (bool, error)
}

var steps = []step{
	{430, (*people).post},
	{230, (*people).answer},
	{170, (*people).react},
	{15, (*people).unreact},
	{40, (*people).edit},
	{12, (*people).remove},
	{35, (*people).join},
	{8, (*people).joinTogether},
	{20, (*people).leave},
	{8, (*people).invite},
	{8, (*people).accept},
	{5, (*people).promote},
	{4, (*people).rename},
	{15, (*people).burst},
}

// step does one thing, which gives one event. What can't be done at the moment
// becomes a post.
func (p *people) step() error {
	spaces := p.w.Spaces()
	if len(spaces) == 0 {
		return errors.New("there is no space left")
	}
	// The first spaces are the busy ones.
	space := spaces[min(p.rng.IntN(len(spaces)), p.rng.IntN(len(spaces)))].Name
	total := 0
	for _, d := range steps {
		total += d.weight
	}
	n := p.rng.IntN(total)
	for _, d := range steps {
		if n -= d.weight; n < 0 {
			if done, err := d.do(p, space); done || err != nil {
				return err
			}
			break
		}
	}
	_, err := p.post(space)
	return err
}

// someone is a joined person of the space; a new one is hired if there is
// none.
func (p *people) someone(space string) (string, error) {
	members := p.members(space)
	if len(members) > 0 {
		return pick(p.rng, members), nil
	}
	u := p.w.AddUser(false)
	return u, p.w.AddMembers(space, u)
}

func (p *people) members(space string) []string {
	return slices.DeleteFunc(p.w.Members(space), func(u string) bool { return u == p.w.App() })
}

// newcomers are n people who aren't in the space nor invited: often somebody
// who left, else a colleague, else somebody new.
func (p *people) newcomers(space string, n int) []string {
	taken := map[string]bool{}
	for _, u := range p.members(space) {
		taken[u] = true
	}
	for _, i := range p.invited {
		taken[i[1]] = taken[i[1]] || i[0] == space
	}
	for _, u := range p.left[space] {
		taken[u] = true // comes back in turn only
	}
	var list []string
	if back := p.left[space]; len(back) > 0 && p.rng.IntN(3) == 0 {
		list = append(list, back[0])
		p.left[space] = back[1:]
	}
	for _, u := range p.w.Users() {
		if len(list) < n && !taken[u] {
			list = append(list, u)
		}
	}
	for len(list) < n {
		list = append(list, p.w.AddUser(false))
	}
	return list
}

// recall picks a remembered message, a recent one rather than an old one, that
// may is content with.
func (p *people) recall(may func(spoken) bool) (int, bool) {
	if len(p.messages) == 0 {
		return 0, false
	}
	back := min(p.rng.IntN(len(p.messages)), p.rng.IntN(len(p.messages)))
	for i := len(p.messages) - 1 - back; i >= 0; i-- {
		if may(p.messages[i]) {
			return i, true
		}
	}
	return 0, false
}

// recallOwn picks a message of the space whose sender is still there.
func (p *people) recallOwn(space string) (int, bool) {
	return p.recall(func(m spoken) bool { return m.space == space && slices.Contains(p.w.Members(space), m.sender) })
}
