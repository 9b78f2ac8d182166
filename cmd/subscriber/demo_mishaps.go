package main

import (
	"context"
	"fmt"
	"time"
)

// On stage, subscriptions live for half a minute, not for hours, and a pass of
// the keeper comes every two seconds, not every five minutes.
const (
	stageLifetime = 30 * time.Second
	stageInterval = 2 * time.Second
)

// lifetime is what the stage's Workspace grants for so many spaces: with
// more, half a minute would ask for more renewals than Google's quota allows.
func lifetime(spaces int) time.Duration {
	return max(stageLifetime, time.Duration(spaces)*3*time.Second)
}

// mishaps is the plot of a demo: when what goes wrong.
type mishaps struct {
	suspendAfter, mendAfter time.Duration
	leaveAfter, returnAfter time.Duration
}

// shortestPlot is the length from which on a demo has time for mishaps.
const shortestPlot = 10 * time.Second

// plot fits the mishaps into a demo; there are none if it is too short, or if
// the demo is to show another kind of failure.
func plot(o demoOptions) (mishaps, bool) {
	if o.sabotage != "" || (o.length > 0 && o.length < shortestPlot) {
		return mishaps{}, false
	}
	length := time.Minute
	if o.length > 0 {
		length = min(length, o.length)
	}
	return mishaps{
		suspendAfter: length / 6, mendAfter: min(3*time.Second, length/6),
		leaveAfter: length / 6, returnAfter: min(4*time.Second, length/6),
	}, true
}

// play lets them happen, each after the one before is mended, unless ctx ends.
// It leaves the Workspace mended and a worker at work, whenever it ends.
func (s *stage) play(ctx context.Context, m mishaps, worker *understudy, screen *screen) error {
	if !until(ctx, worker.worker.keeping.status.hasPassed) {
		return nil
	}
	if err := s.crowd(screen); err != nil {
		return err
	}
	if !pass(ctx, m.suspendAfter) {
		return nil
	}
	space := s.workspace.Spaces()[0]
	suspended := s.workspace.SubscriptionTo(space.Name)
	screen.say(space.DisplayName, "‼ Google Chat may not publish to the topic any more: the subscription is suspended, and nobody is told")
	if err := s.workspace.Suspend(suspended, "ENDPOINT_PERMISSION_DENIED"); err != nil {
		return err
	}
	goOn := pass(ctx, m.mendAfter)
	screen.say(space.DisplayName, "· the permission is granted again")
	if err := s.workspace.Mend(suspended); err != nil {
		return err
	}
	if !goOn || !until(ctx, func() bool { return s.live(space.Name) }) || !pass(ctx, m.leaveAfter) {
		return nil
	}
	screen.say("", "‼ the worker is stopped for longer than the subscriptions live: they expire and are deleted")
	if err := worker.leave(); err != nil {
		return err
	}
	for _, space := range s.workspace.Spaces() {
		if err := s.workspace.ExpireAfter(s.workspace.SubscriptionTo(space.Name), time.Second); err != nil {
			return err
		}
	}
	pass(ctx, m.returnAfter)
	screen.say("", "· a worker is back")
	return worker.enter(ctx)
}

// crowdSize is how many people are added at once: more than the rule greets one
// by one.
const crowdSize = 5

// crowd adds many people to the last space at once.
func (s *stage) crowd(screen *screen) error {
	spaces := s.workspace.Spaces()
	space := spaces[len(spaces)-1]
	var users []string
	for range crowdSize {
		users = append(users, s.workspace.AddUser(false))
	}
	screen.say(space.DisplayName, fmt.Sprintf("‼ somebody adds %d people at once", crowdSize))
	return s.workspace.AddMembers(space.Name, users...)
}

// live reports whether the space has an ACTIVE subscription.
func (s *stage) live(space string) bool {
	intervals := s.workspace.Coverage("//chat.googleapis.com/" + space)
	return len(intervals) > 0 && intervals[len(intervals)-1].To.IsZero()
}

// until waits for it, and reports whether it came.
func until(ctx context.Context, it func() bool) bool {
	for !it() {
		if !pass(ctx, 50*time.Millisecond) {
			return false
		}
	}
	return true
}

// pass waits, and reports whether the whole time has passed.
func pass(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
