package ingest

import (
	"context"
	"errors"
	"math/bits"
	"slices"
	"time"

	"github.com/googleapis/gax-go/v2"
	"go.uber.org/zap"
)

// answersBeforeSearch is how often in a row the database must give the same
// answer before it may be about the messages.
const answersBeforeSearch = 3

// refusalCode is the SQLSTATE of an answer that may be about a message; "" for
// no answer, and for one that is about the connection, the login or the state
// of the server.
func refusalCode(err error) string {
	var answer interface{ SQLState() string }
	if !errors.As(err, &answer) {
		return ""
	}
	code := answer.SQLState()
	if len(code) != 5 || code[:3] == "57P" || slices.Contains([]string{"08", "25", "28", "3D", "40", "53", "55", "58"}, code[:2]) {
		return ""
	}
	return code
}

// search halves a refused batch until the messages to blame are found, and
// holds those apart. It returns what is to be held together, and whether the
// database took any. If it takes none all the way down to single messages, it
// is the database that is to blame.
func (w *Worker) search(work context.Context, batch []*held, err error) (rest []*held, taken bool) {
	type suspect struct {
		held *held
		err  error
	}
	if len(batch) == 1 {
		w.holdApart(work, batch[0], err)
		return nil, false
	}
	var suspects []suspect
	parts := halves(nil, batch)
	attempts := 2*bits.Len(uint(len(batch))) + 2 // without any being taken
	for len(parts) > 0 && (taken || attempts > 0) && work.Err() == nil {
		part := parts[len(parts)-1]
		parts = parts[:len(parts)-1]
		n := len(part)
		left, err := w.try(work, part)
		attempts--
		taken = taken || len(left) < n
		switch {
		case len(left) == 0:
		case refusalCode(err) == "":
			rest = append(rest, left...)
		case len(left) == 1:
			suspects = append(suspects, suspect{left[0], err})
		default:
			parts = halves(parts, left)
		}
	}
	for _, part := range parts {
		rest = append(rest, part...)
	}
	for _, s := range suspects {
		if taken {
			w.holdApart(work, s.held, s.err)
		} else {
			rest = append(rest, s.held)
		}
	}
	return rest, taken
}

// halves adds the halves of a batch to the parts, the first on top. They don't
// share memory: what is held of one is kept at its start.
func halves(parts [][]*held, batch []*held) [][]*held {
	half := len(batch) / 2
	return append(parts, slices.Clone(batch[half:]), slices.Clone(batch[:half]))
}

// holdApart retries one message beside the writers, which go on.
func (w *Worker) holdApart(work context.Context, h *held, err error) {
	if w.status.refuse(1, err) {
		w.log.Error("database refuses a message; holding it apart and retrying, the others go on",
			zap.Error(err), zap.String("message_id", h.delivery.MessageID))
	}
	release := w.status.hold(h.delivery.ReceivedAt)
	w.apart.Go(func() {
		defer release()
		pauses := gax.Backoff{Initial: time.Second, Max: time.Minute, Multiplier: 2}
		left := []*held{h}
		for {
			_ = gax.Sleep(work, pauses.Pause())
			if left, err = w.try(work, left); err == nil {
				break
			}
			w.status.refuse(0, err)
		}
		w.status.refuse(-1, nil)
		w.databaseTakes(work, nil, 0)
	})
}
