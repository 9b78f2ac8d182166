package ingest

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
)

// watch asks Pub/Sub whether it is there: at the start, when a stream breaks,
// and when the streams have been silent for long. The library's own signs of
// life don't suffice: Google's emulator gives none, and a stream waits for its
// connection without a word.
func (w *Worker) watch(ctx context.Context) {
	for due := true; ctx.Err() == nil; {
		pause := w.opts.SilentAfter / 10
		if due || w.status.unheardFor(time.Now()) > w.opts.SilentAfter/2 {
			err := w.ask(ctx)
			due = err != nil
			switch changed := w.status.setPubSub(err); {
			case ctx.Err() != nil:
				return
			case err != nil && changed:
				w.log.Error("Pub/Sub does not answer; asking again", zap.Error(err))
			case err == nil && changed:
				w.log.Info("Pub/Sub answers again")
			}
			if due {
				pause = min(pause, 2*time.Second)
			}
		}
		select {
		case <-time.After(pause):
		case <-w.broken:
			due = true
		case <-ctx.Done():
		}
	}
}

// ask makes a call and returns why it got no answer. A refusal is an answer:
// what it means, Receive finds out.
func (w *Worker) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.opts.SilentAfter/5)
	defer cancel()
	// Without the library's retries, which hide why there is no connection.
	_, err := w.subscriptions.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: w.sub.String()}, gax.WithRetry(nil))
	switch grpcstatus.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return fmt.Errorf("%w (let this machine reach Pub/Sub, directly or by HTTPS_PROXY)", err)
	case codes.Canceled, codes.Unauthenticated, codes.Unknown:
		return err
	}
	w.status.heard.Store(time.Now().UnixNano())
	return nil
}
