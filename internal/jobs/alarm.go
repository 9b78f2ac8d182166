package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/riverqueue/river/riverdriver"
)

// alarms wake the client when jobs become due that this process has put off by a
// few seconds. Nothing is notified of then: River finds such jobs by looking at
// every queue again and again, which would be most of what an idle worker does.
// If the process ends before, others find them by looking, late.
type alarms struct {
	began time.Time // times are counted from here, whatever becomes of the clock

	mu   sync.Mutex
	next []alarm            // sorted
	wake context.CancelFunc // ends the wait under way
}

type alarm struct {
	at    time.Duration
	queue string
}

const (
	// alarmSlot is how long jobs that become due wait for each other, so that many
	// don't cost a look each.
	alarmSlot = 50 * time.Millisecond
	// alarmSlack is how much less the database's clock may be ahead than is known.
	alarmSlack = 10 * time.Millisecond
	// maxAlarms is more than are in the seconds that jobs are put off by. There are
	// so many if nobody listens, as while the database is away.
	maxAlarms = 1000
)

func newAlarms() *alarms { return &alarms{began: time.Now(), wake: func() {}} }

// set notes when a job becomes due.
func (a *alarms) set(queue string, due time.Time) {
	one := alarm{(time.Since(a.began) + time.Until(due) + alarmSlack).Truncate(alarmSlot) + alarmSlot, queue}
	a.mu.Lock()
	defer a.mu.Unlock()
	i, known := slices.BinarySearchFunc(a.next, one, func(x, y alarm) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.queue, y.queue))
	})
	if known || len(a.next) == maxAlarms {
		return
	}
	if a.next = slices.Insert(a.next, i, one); i == 0 {
		a.wake()
	}
}

// rung returns the queue in which a job is due now; "" and until when to wait if
// there is none.
func (a *alarms) rung(ctx context.Context) (queue string, waiting context.Context, stop context.CancelFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.next) > 0 && a.next[0].at <= time.Since(a.began) {
		queue = a.next[0].queue
		a.next = slices.Delete(a.next, 0, 1)
		return queue, ctx, func() {}
	}
	if len(a.next) > 0 {
		waiting, stop = context.WithDeadline(ctx, a.began.Add(a.next[0].at))
	} else {
		waiting, stop = context.WithCancel(ctx)
	}
	a.wake = stop
	return "", waiting, stop
}

// GetListener implements riverdriver.Driver.
func (d *driver) GetListener(params *riverdriver.GetListenenerParams) riverdriver.Listener {
	return listener{d.Driver.GetListener(params), d.alarms}
}

type listener struct {
	riverdriver.Listener
	alarms *alarms
}

// WaitForNotification implements riverdriver.Listener. It tells of alarms as the
// database tells of jobs that are inserted.
func (l listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	ctx = context.WithValue(ctx, waits{}, true)
	for {
		queue, waiting, stop := l.alarms.rung(ctx)
		if queue != "" {
			payload, err := json.Marshal(map[string]string{"queue": queue})
			return &riverdriver.Notification{Topic: "river_insert", Payload: string(payload)}, err
		}
		got, err := l.Listener.WaitForNotification(waiting)
		rung := waiting.Err() != nil && ctx.Err() == nil
		if stop(); err == nil || !rung {
			return got, err
		}
	}
}
