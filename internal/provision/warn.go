package provision

import (
	"context"
	"errors"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"go.uber.org/zap"
)

// CheckSubscription names every drift of the subscription that the worker pulls.
// It needs pubsub.subscriptions.get on it, and errs with a [PermissionError]
// without it.
func CheckSubscription(ctx context.Context, client *pubsub.SubscriptionAdminClient, o Options) ([]Drift, error) {
	p := &Provisioner{options: o, names: o.names(), subscriptions: client}
	facts := p.names.Facts("", "")
	return p.checkSubscription(ctx, facts.Subscriptions[len(facts.Subscriptions)-1]) // the dead letters' comes first
}

// warnTimeout bounds how long a start of the worker waits for the check.
const warnTimeout = 10 * time.Second

// Warn logs a warning for each drift of the worker's subscription, when the
// worker starts. Nothing stops it: it can receive whatever the settings are.
func Warn(ctx context.Context, client *pubsub.SubscriptionAdminClient, o Options, log *zap.Logger) {
	ctx, cancel := context.WithTimeout(ctx, warnTimeout)
	defer cancel()
	drifts, err := CheckSubscription(ctx, client, o)
	var denied *PermissionError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return // the worker stops
	case errors.As(err, &denied):
		log.Info("settings of the Pub/Sub subscription not checked: the worker may not read them",
			zap.String("subscription", o.Subscription), zap.String("permission", denied.Permission), zap.String("role", viewerRole))
	case err != nil:
		log.Warn("settings of the Pub/Sub subscription not checked", zap.String("subscription", o.Subscription), zap.Error(err))
	}
	for _, d := range drifts {
		log.Warn("Pub/Sub subscription differs from what the worker needs", zap.String("subscription", d.Resource), zap.String("field", d.Field),
			zap.String("got", d.Got), zap.String("want", d.Want), zap.String("consequence", d.Why), zap.String("fix", d.Fix))
	}
}
