package subscriptions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"go.uber.org/zap"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/workspaceevents/v1"

	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
)

const (
	callTimeout  = 30 * time.Second
	maxCallPause = 32 * time.Second
	// patience is how long a call waits because Google says so. What takes longer
	// fails at once, without asking again, until that time.
	patience = time.Minute
	// Quotas are counted by the minute, so 1+2+4+8+16+32 s outlasts one that
	// is used up; an outage is reported to the person who waits sooner.
	quotaRetries  = 6
	outageRetries = 3

	firstPoll = 100 * time.Millisecond
	maxPoll   = 5 * time.Second

	// adoptTimeout is how long somebody else's creation is awaited, of which
	// nobody tells how far it is.
	adoptTimeout = 30 * time.Second
)

// call makes one API call, again while Google is busy or away. Every call
// here may be repeated: a create that went through answers ALREADY_EXISTS. No
// call is made before the time at which Google told any to come back.
func (m *Manager) call(ctx context.Context, what string, do func(context.Context) error) error {
	for retries := 0; ; retries++ {
		if err := m.awaitBusy(ctx); err != nil {
			return err
		}
		callCtx, cancel := context.WithTimeout(ctx, callTimeout)
		err := credentials.Brief(do(callCtx))
		cancel()
		m.noteBusy(err)
		if err == nil || ctx.Err() != nil || retries >= allowedRetries(err) {
			return err
		}
		pause := min(m.opts.Backoff<<retries, maxCallPause)
		pause += rand.N(pause/4 + 1)
		m.opts.Log.Warn("call failed; retrying", zap.String("call", what), zap.Duration("retry_in", pause), zap.Error(err))
		if m.opts.Wait(ctx, pause) != nil {
			return err
		}
	}
}

// busy is what Google said when it asked to wait.
type busy struct {
	until time.Time
	err   error
}

func (m *Manager) noteBusy(err error) {
	var answer *googleapi.Error
	if !errors.As(err, &answer) {
		return
	}
	if d := gchat.RetryAfter(answer.Header, m.opts.Now()); d > 0 {
		until, later := m.opts.Now().Add(d), *answer
		later.Message = fmt.Sprintf("not before %s: %s", until.UTC().Format(time.RFC3339), answer.Message)
		m.busy.Store(&busy{until, &later})
	}
}

func (m *Manager) awaitBusy(ctx context.Context) error {
	b := m.busy.Load()
	if b == nil {
		return nil
	}
	d := b.until.Sub(m.opts.Now())
	switch {
	case d <= 0:
		return nil
	case d > patience:
		return b.err
	}
	return m.opts.Wait(ctx, d)
}

func allowedRetries(err error) int {
	var answer *googleapi.Error
	var token *credentials.Error
	switch {
	case errors.As(err, &token) && !token.Temporary():
		return 0
	case !errors.As(err, &answer):
		return outageRetries
	case answer.Code == http.StatusTooManyRequests:
		return quotaRetries
	case answer.Code >= 500:
		return outageRetries
	}
	return 0
}

// mutate starts an operation, waits until it is done and decodes its
// response into out, if there is one and out isn't nil.
func (m *Manager) mutate(ctx context.Context, what string, start func(context.Context) (*workspaceevents.Operation, error),
	out *workspaceevents.Subscription,
) error {
	var op *workspaceevents.Operation
	err := m.call(ctx, what, func(ctx context.Context) (err error) {
		if err := m.awaitQuota(ctx); err != nil {
			return err
		}
		if op, err = start(ctx); err == nil {
			m.clock.set(op.Header)
		}
		return err
	})
	if err != nil {
		return err
	}
	if op, err = m.await(ctx, what, op); err != nil {
		return err
	}
	if op.Error != nil {
		return &operationError{op.Error}
	}
	if out == nil || len(op.Response) == 0 {
		return nil
	}
	if err := json.Unmarshal(op.Response, out); err != nil {
		return fmt.Errorf("read the response of %s: %w", op.Name, err)
	}
	return nil
}

// awaitQuota waits until another write is within the quota.
func (m *Manager) awaitQuota(ctx context.Context) error {
	now := m.opts.Now()
	if d := m.writes.ReserveN(now, 1).DelayFrom(now); d > 0 {
		return m.opts.Wait(ctx, d)
	}
	return nil
}

// await polls the operation until it is done.
func (m *Manager) await(ctx context.Context, what string, op *workspaceevents.Operation) (*workspaceevents.Operation, error) {
	deadline := m.opts.Now().Add(m.opts.OperationTimeout)
	for pause := firstPoll; !op.Done; pause = min(2*pause, maxPoll) {
		if m.opts.Now().After(deadline) {
			return nil, fmt.Errorf("wait for %s to finish (it may still do so; apply again to see): not done after %s", op.Name, m.opts.OperationTimeout)
		}
		if err := m.opts.Wait(ctx, pause); err != nil {
			return nil, fmt.Errorf("wait for %s to finish (it may still do so; apply again to see): %w", op.Name, err)
		}
		name := op.Name
		err := m.call(ctx, what+" (poll)", func(ctx context.Context) (err error) {
			op, err = m.service.Operations.Get(name).Context(ctx).Do()
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("poll %s: %w", name, err)
		}
	}
	return op, nil
}

// codeAlreadyExists is google.rpc.Code ALREADY_EXISTS.
const codeAlreadyExists = 6

// operationError is the error that an operation ended with.
type operationError struct{ status *workspaceevents.Status }

func (e *operationError) Error() string {
	return fmt.Sprintf("the operation ended with code %d: %s", e.status.Code, e.status.Message)
}
