package checkpoints

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"
	"golang.org/x/mod/sumdb/note"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/reactors/webhook"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

const (
	// period is the least time between two checkpoints: who rewrites the log has so
	// long before others know what it was.
	period = 5 * time.Minute
	// interval is how often a Keeper looks whether there is anything to do.
	interval = 10 * time.Second

	storageScope = "https://www.googleapis.com/auth/devstorage.read_write"
)

// Keeper signs and copies.
type Keeper struct {
	log     *zap.Logger
	proofs  *proofs.Log
	signer  note.Signer
	places  []place
	period  time.Duration
	known   proof.Checkpoint // the newest that is known to have been signed
	looked  bool             // for those in directories
	failing map[string]bool  // places, as they were logged
	refused atomic.Bool
}

// New returns the keeper that the configuration asks for, nil if it names no key.
func New(cfg config.Config, db *store.Store, log *zap.Logger) (*Keeper, error) {
	if cfg.Proof.KeyFile == "" {
		return nil, nil
	}
	k := &Keeper{log: log, proofs: proofs.New(db), period: period, failing: map[string]bool{}}
	secret, err := readfile.Regular(cfg.Proof.KeyFile, readfile.Secret)
	if err == nil {
		k.signer, err = proof.Signer(string(secret))
	}
	if err != nil {
		return nil, fmt.Errorf("read proof.key_file, which subscriber audit key makes: %w", err)
	}
	var allow []netip.Prefix
	for _, network := range cfg.Reactors.WebhookAllow {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, fmt.Errorf("read reactors.webhook_allow: %w", err)
		}
		allow = append(allow, prefix)
	}
	for _, to := range cfg.Proof.Copies {
		switch scheme, rest, _ := strings.Cut(to, "://"); scheme {
		case "https":
			k.places = append(k.places, receiver{webhook.NewClient(webhook.Options{Allow: allow, Timeout: timeout}), to})
		case "gs":
			transport, err := credentials.Transport(cfg.Auth.AsApp(), false, storageScope)
			if err != nil {
				return nil, err
			}
			name, prefix, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
			k.places = append(k.places, bucket{&http.Client{Transport: transport}, "https://storage.googleapis.com", name, prefix})
		default:
			k.places = append(k.places, directory(to))
		}
	}
	return k, nil
}

// Refused reports whether the log is another than what was signed before.
func (k *Keeper) Refused() bool { return k.refused.Load() }

// Run works until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		k.pass(ctx)
		_ = gax.Sleep(ctx, interval) // the loop ends with ctx
	}
	return nil
}

func (k *Keeper) pass(ctx context.Context) {
	k.look()
	newest, err := k.proofs.Sign(ctx, k.signer, k.known, k.period)
	var refused *proofs.RefusedError
	var unconnected *pgconn.ConnectError // which the store logs
	switch {
	case errors.As(err, &refused):
		if !k.refused.Swap(true) {
			k.log.Error("no checkpoint signed, as the log was changed; signing none until a person has looked (subscriber audit verify)", zap.Error(err))
		}
		return
	case err != nil:
		if ctx.Err() == nil && !errors.As(err, &unconnected) {
			k.log.Warn("no checkpoint signed; trying again", zap.Error(err))
		}
		return
	case newest.Size == 0:
		return
	}
	if k.refused.Swap(false) {
		k.log.Info("the log is what it was; signing checkpoints again")
	}
	k.known = newest.Checkpoint
	for _, p := range k.places {
		if err := k.copy(ctx, p, newest); err != nil && ctx.Err() == nil && !errors.As(err, &unconnected) {
			k.log.Warn("copies of checkpoints not looked after; trying again", zap.Stringer("place", p), zap.Error(err))
		}
	}
}

// look reads what earlier processes have copied to directories.
func (k *Keeper) look() {
	if k.looked {
		return
	}
	k.looked = true
	for _, p := range k.places {
		d, ok := p.(directory)
		if !ok {
			continue
		}
		c, err := d.newest()
		switch {
		case err != nil:
			k.looked = false // until it can be read
			k.tell(d, fmt.Errorf("look for the newest checkpoint: %w", err))
		case c.Size > k.known.Size:
			k.known = c
		}
	}
}

func (k *Keeper) copy(ctx context.Context, p place, c proofs.Signed) error {
	mine, err := k.proofs.Claim(ctx, p.String(), c.Size)
	if err != nil || !mine {
		return err
	}
	failed := p.put(ctx, c.FileName(), c.Note)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	k.tell(p, failed)
	return k.proofs.Copied(ctx, p.String(), c.Size, failed == nil)
}

// tell logs that a place fails, once, and that it doesn't any more.
func (k *Keeper) tell(p place, err error) {
	name := p.String()
	switch was := k.failing[name]; {
	case err != nil && !was:
		k.log.Warn("checkpoint not copied; trying again", zap.String("place", name), zap.Error(err))
	case err == nil && was:
		k.log.Info("checkpoints are copied again", zap.String("place", name))
	}
	k.failing[name] = err != nil
}
