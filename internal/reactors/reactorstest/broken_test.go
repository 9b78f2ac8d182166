package reactorstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// broken is an action with one mistake, as people make them.
type broken struct {
	*Fake
	kind    reactors.Kind
	prepare func(params any, c reactors.PrepareContext) (reactors.Prepared, error)
	act     func(ctx context.Context, request json.RawMessage) (reactors.Result, error)
	settled func(ctx context.Context, request json.RawMessage) (bool, error)
}

func (b *broken) Kind() reactors.Kind { return b.kind }

func (b *broken) Settled(ctx context.Context, request json.RawMessage) (bool, error) {
	if b.settled != nil {
		return b.settled(ctx, request)
	}
	return b.Fake.Settled(ctx, request)
}

func (b *broken) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	if b.prepare != nil {
		return b.prepare(params, c)
	}
	return b.Fake.Prepare(params, c)
}

func (b *broken) Act(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
	if b.act != nil {
		return b.act(ctx, request)
	}
	return b.Fake.Act(ctx, request)
}

// mistakes are the broken actions, and the check that must catch each of them.
// breaks gets one of the action's processes.
func mistakes() []struct {
	name, caughtBy string
	breaks         func(b *broken)
} {
	var errLost = errors.New("lost")
	return []struct {
		name, caughtBy string
		breaks         func(b *broken)
	}{
		{"no dedupe", "twice is once", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				return reactors.Result{}, b.call(ctx, read(request).Key, true)
			}
		}},
		{"dedupe in memory", "once across processes", func(b *broken) {
			var mu sync.Mutex
			done := map[string]bool{}
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				mu.Lock()
				defer mu.Unlock()
				key := read(request).Key
				if done[key] {
					return reactors.Result{}, nil
				}
				err := b.call(ctx, key, true)
				done[key] = err == nil
				return reactors.Result{}, err
			}
		}},
		{"check, then act", "at the same time is once", func(b *broken) {
			meet := make(chan struct{})
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				key := read(request).Key
				if len(b.Keys()) > 0 {
					return reactors.Result{}, nil
				}
				// Two have asked before one acts, if there are two.
				select {
				case meet <- struct{}{}:
				case <-meet:
				case <-time.After(100 * time.Millisecond):
				}
				return reactors.Result{}, b.call(ctx, key, true)
			}
		}},
		{"a key per attempt", "once although the answer is lost", func(b *broken) {
			var n atomic.Int64
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				return reactors.Result{}, b.call(ctx, fmt.Sprint(read(request).Key, n.Add(1)), false)
			}
		}},
		{"a lost answer is permanent", "once although the answer is lost", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				result, err := b.Fake.Act(ctx, request)
				if err != nil && ctx.Err() == nil {
					err = reactors.Permanent(errLost)
				}
				return result, err
			}
		}},
		{"clock in prepare", "prepare is pure", func(b *broken) {
			b.prepare = func(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
				text := params.(*FakeParams).Text.Value + time.Now().Format(time.DateOnly)
				return c.Encode(fakeRequest{Key: c.IDs.Request(c.Label), Text: text}, "a message")
			}
		}},
		{"request that says nobody where it goes", "prepare is pure", func(b *broken) {
			b.prepare = func(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
				return c.Encode(fakeRequest{Key: c.IDs.Request(c.Label), To: params.(*FakeParams).To, Text: params.(*FakeParams).Text.Value}, "")
			}
		}},
		{"effect in prepare", "prepare is pure", func(b *broken) {
			b.prepare = func(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
				_ = b.call(context.Background(), c.IDs.Request(c.Label), false)
				return b.Fake.Prepare(params, c)
			}
		}},
		{"same key for all labels", "prepare is pure", func(b *broken) {
			b.prepare = func(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
				c.Label = ""
				return b.Fake.Prepare(params, c)
			}
		}},
		{"writes without saying so", "the request says where it writes", func(b *broken) {
			b.prepare = writing(b, nil)
		}},
		{"names another space", "the request says where it writes", func(b *broken) {
			b.prepare = writing(b, &reactors.Write{Space: "spaces/BBB"})
		}},
		{"leaves out a space that it knows", "the request says where it writes", func(b *broken) {
			b.prepare = writing(b, &reactors.Write{})
		}},
		{"writes though it only observes", "the request says where it writes", func(b *broken) {
			b.kind = reactors.Observes
		}},
		{"never looks whether it took effect", "a look tells whether it took effect", func(b *broken) {
			b.settled = func(context.Context, json.RawMessage) (bool, error) { return false, nil }
		}},
		{"takes for granted that it took effect", "a look tells whether it took effect", func(b *broken) {
			b.settled = func(context.Context, json.RawMessage) (bool, error) { return true, nil }
		}},
		{"unavailable is permanent", "unavailable may be retried", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				result, err := b.Fake.Act(ctx, request)
				if err != nil {
					err = reactors.Permanent(err)
				}
				return result, err
			}
		}},
		{"swallowed error", "unavailable may be retried", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				result, err := b.Fake.Act(ctx, request)
				if err != nil && !reactors.IsPermanent(err) && ctx.Err() == nil {
					err = nil
				}
				return result, err
			}
		}},
		{"refused for ever", "refused is permanent", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				result, err := b.Fake.Act(ctx, request)
				if err != nil && read(request).Key != "" {
					err = errLost
				}
				return result, err
			}
		}},
		{"cancelled is permanent", "cancelled before", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				if ctx.Err() != nil {
					return reactors.Result{}, reactors.Permanent(ctx.Err())
				}
				return b.Fake.Act(ctx, request)
			}
		}},
		{"deaf to its context", "cancelled before", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				return b.Fake.Act(context.WithoutCancel(ctx), request)
			}
		}},
		{"gives up when interrupted", "cancelled during", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				result, err := b.Fake.Act(ctx, request)
				if errors.Is(err, context.DeadlineExceeded) {
					err = reactors.Permanent(err)
				}
				return result, err
			}
		}},
		{"panics on garbage", "garbage is permanent", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				var all map[string]string
				_ = json.Unmarshal(request, &all)
				if all["key"] == "" {
					panic("no key")
				}
				return b.Fake.Act(ctx, request)
			}
		}},
		{"retries garbage", "garbage is permanent", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				if !json.Valid(request) {
					return reactors.Result{}, errLost
				}
				return b.Fake.Act(ctx, request)
			}
		}},
		{"text in errors", "errors keep secrets", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				result, err := b.Fake.Act(ctx, request)
				if err != nil {
					err = fmt.Errorf("send %s: %w", read(request).Text, err)
				}
				return result, err
			}
		}},
		{"text in the note", "once", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				result, err := b.Fake.Act(ctx, request)
				result.Note = "sent: " + read(request).Text
				return result, err
			}
		}},
		{"strict request", "unknown fields are ignored", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				dec := json.NewDecoder(strings.NewReader(string(request)))
				dec.DisallowUnknownFields()
				if err := dec.Decode(&fakeRequest{}); err != nil {
					return reactors.Result{}, reactors.Permanent(errLost)
				}
				return b.Fake.Act(ctx, request)
			}
		}},
		{"keyed by the request's bytes", "once as the database gives the request back", func(b *broken) {
			b.act = func(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
				return reactors.Result{}, b.call(ctx, string(request), false)
			}
		}},
	}
}

// writing prepares as the Fake does, but for what it says of its write.
func writing(b *broken, w *reactors.Write) func(any, reactors.PrepareContext) (reactors.Prepared, error) {
	return func(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
		p, err := b.Fake.Prepare(params, c)
		p.Write = w
		return p, err
	}
}

// read reads a request as careless code does.
func read(request json.RawMessage) fakeRequest {
	var r fakeRequest
	_ = json.Unmarshal(request, &r)
	return r
}
