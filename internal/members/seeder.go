// Package members finds out who is in a space from Google's list, which knows
// what events can't tell: who was there before anybody watched, and whose
// coming or going was missed.
//
//	members.list, all pages ─▶ who is believed to be in and isn't listed
//	                             │ members.get: have they left?
//	                             ▼
//	                        store.Reconcile, one transaction
//
// It promises that what an event tells of the time of the list or later stays,
// and that no reactor acts on what a list tells. A run that is interrupted
// leaves nothing, and the next one is complete.
//
// People who are in a space through a Google Group are not in Google's list;
// the group is, for user authentication. They become known when they write or
// react (fact sheet §1.3).
//
// # What happens on failure
//
// Errors are those of gchat and store: marked permanent if a person has to
// mend something. The worker logs these and is done, and puts its job off for
// others.
//
// # Concurrency
//
// A Seeder may be used by any number of goroutines.
package members

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Options are the settings of a Seeder. The zero value works.
type Options struct {
	AsUser bool        // the client is authenticated as a user: ask for groups and invited people, too
	Log    *zap.Logger // nil: nothing is logged
}

// Seeder reads lists of members into the store.
type Seeder struct {
	chat *gchat.Client
	db   *store.Store
	opts Options
}

// New returns a Seeder.
func New(chat *gchat.Client, db *store.Store, opts Options) *Seeder {
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	return &Seeder{chat, db, opts}
}

// Result says what a list told.
type Result struct {
	Listed int // who is in the space
	store.Reconciled
	Unsure int // who isn't listed and was not asked for: they stay as they were
}

// mostAsked bounds the calls for people who aren't listed, so that a run ends.
const mostAsked = 200

// Seed reads who is in the space. The next run goes on with whom it leaves
// unsure.
func (s *Seeder) Seed(ctx context.Context, space string) (Result, error) {
	l := store.Listing{Space: space}
	for q := (gchat.MembersQuery{Space: space, AsUser: s.opts.AsUser}); ; {
		page, err := s.chat.Members(ctx, q)
		if err != nil {
			return Result{}, err
		}
		if q.Page == "" {
			l.AsOf = page.AsOf
		}
		for _, m := range page.Members {
			l.Members = append(l.Members, store.Member{
				Name: m.Name, Type: events.UserType(m.Type), DisplayName: m.DisplayName,
				State: events.MembershipState(m.State), Role: m.Role, Affiliation: m.Affiliation,
			})
		}
		if q.Page = page.Next; q.Page == "" {
			break
		}
	}
	absent, err := s.db.Absent(ctx, l)
	if err != nil {
		return Result{}, err
	}
	r := Result{Listed: len(l.Members), Unsure: max(0, len(absent)-mostAsked)}
	for _, user := range absent[:len(absent)-r.Unsure] {
		left, err := s.hasLeft(ctx, space, user)
		if err != nil {
			return Result{}, err
		}
		if left {
			l.Left = append(l.Left, user)
		}
	}
	r.Reconciled, err = s.db.Reconcile(ctx, l)
	return r, err
}

// hasLeft asks for one person: a list of several pages that is read while
// people come and go may leave somebody out, and apps are never listed.
func (s *Seeder) hasLeft(ctx context.Context, space, user string) (bool, error) {
	got, err := s.chat.Membership(ctx, space+"/members/"+strings.TrimPrefix(user, "users/"))
	if errors.Is(err, gchat.ErrGone) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	var m struct {
		State events.MembershipState `json:"state"`
	}
	if err := json.Unmarshal(got.Data, &m); err != nil {
		return false, fmt.Errorf("read the membership of %s in %s: %w", user, space, err)
	}
	return m.State == events.MembershipNotAMember, nil
}
