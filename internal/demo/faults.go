package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5"
)

// The simulated Workspace grants lifetimes of half a minute instead of hours,
// and the keeper makes a pass every second instead of every five minutes.
const (
	minLifetime    = 30 * time.Second
	keeperInterval = time.Second
)

// lifetime is that of the subscriptions to so many spaces: with more, half a
// minute would take more renewals than Google's quota allows.
func lifetime(spaces int) time.Duration {
	return max(minLifetime, time.Duration(spaces)*3*time.Second)
}

// faults says when what goes wrong, each after what was before it.
type faults struct {
	suspendAfter, mendAfter time.Duration
	stopAfter, restartAfter time.Duration
}

// minLengthWithFaults is the length from which on a demo has time for faults,
// once it is set up.
const minLengthWithFaults = 7 * time.Second

// minAway is how long the worker is away at least: twice as long as it takes the
// subscriptions to expire.
const minAway = 1500 * time.Millisecond

// planFaults fits the faults into a demo. There are none if it is too short, or
// if it shows a sabotage.
func planFaults(o Options) (faults, bool) {
	if o.Sabotage != "" || (o.Length > 0 && o.Length < minLengthWithFaults) {
		return faults{}, false
	}
	length := time.Minute
	if o.Length > 0 {
		length = min(length, actingTime(o.Length))
	}
	return faults{
		suspendAfter: length / 6, mendAfter: min(3*time.Second, length/6),
		stopAfter: length / 6, restartAfter: max(minAway, min(4*time.Second, length/6)),
	}, true
}

// inject lets the faults happen, each once the one before is mended, unless ctx
// ends. Whenever it ends, the Workspace is mended and a worker runs.
func (e *environment) inject(ctx context.Context, f faults, w *restartableWorker, screen *screen) error {
	if !waitUntil(ctx, func() bool { return !w.worker.Status().LastKeeperPass.IsZero() }) {
		return nil
	}
	if err := e.addGroup(screen); err != nil {
		return err
	}
	if !wait(ctx, f.suspendAfter) {
		return nil
	}
	space := e.workspace.Spaces()[0]
	suspended := e.workspace.SubscriptionTo(space.Name)
	screen.say(space.DisplayName, "‼ Google Chat may not publish to the topic any more: the subscription is suspended, and nobody is told")
	if err := e.workspace.Suspend(suspended, "ENDPOINT_PERMISSION_DENIED"); err != nil {
		return err
	}
	goOn := wait(ctx, f.mendAfter)
	screen.say(space.DisplayName, "· the permission is granted again")
	if err := e.workspace.Mend(suspended); err != nil {
		return err
	}
	if !goOn || !waitUntil(ctx, func() bool { return e.active(space.Name) }) || !wait(ctx, f.stopAfter) {
		return nil
	}
	screen.say("", "‼ the worker is stopped for longer than the subscriptions live: they expire and are deleted")
	if err := w.stop(); err != nil {
		return err
	}
	if err := e.expire(context.WithoutCancel(ctx), minAway/2); err != nil {
		return err
	}
	wait(ctx, f.restartAfter)
	screen.say("", "· a worker is back")
	return w.start(ctx)
}

// expire lets every subscription end after a time, as if it had been granted no
// longer one: what the stopped worker knew of its lifetime tells one that expired
// from one that somebody deleted.
func (e *environment) expire(ctx context.Context, d time.Duration) error {
	for _, space := range e.workspace.Spaces() {
		if err := e.workspace.ExpireAfter(e.workspace.SubscriptionTo(space.Name), d); err != nil {
			return err
		}
	}
	conn, err := pgx.Connect(ctx, e.config.Database.DSN)
	if err != nil {
		return fmt.Errorf("shorten lifetimes: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `
		UPDATE subscription_states
		SET expire_time = $1
		WHERE expire_time > $1`, time.Now().Add(d)); err != nil {
		return fmt.Errorf("shorten lifetimes: %w", err)
	}
	return nil
}

// groupSize is how many people are added at once: more than the rule greets one
// by one.
const groupSize = 5

// addGroup adds many people to the last space at once.
func (e *environment) addGroup(screen *screen) error {
	spaces := e.workspace.Spaces()
	space := spaces[len(spaces)-1]
	var users []string
	for range groupSize {
		users = append(users, e.workspace.AddUser(false))
	}
	screen.say(space.DisplayName, fmt.Sprintf("‼ somebody adds %d people at once", groupSize))
	return e.workspace.AddMembers(space.Name, users...)
}

// active reports whether the space has an ACTIVE subscription.
func (e *environment) active(space string) bool {
	intervals := e.workspace.Coverage("//chat.googleapis.com/" + space)
	return len(intervals) > 0 && intervals[len(intervals)-1].To.IsZero()
}

// waitUntil waits for a condition, and reports whether it came true.
func waitUntil(ctx context.Context, condition func() bool) bool {
	for !condition() {
		if !wait(ctx, 50*time.Millisecond) {
			return false
		}
	}
	return true
}

// wait reports whether the whole time has passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool { return gax.Sleep(ctx, d) == nil }
