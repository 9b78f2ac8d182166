package catchup

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
)

// membersTimeout is enough for 50,000 members, and for everybody who is asked
// for one by one.
const membersTimeout = 3 * time.Minute

func (r *Reader) workOnMembers(ctx context.Context, job *river.Job[jobs.Members]) error {
	log := r.opts.Log.With(zap.String("space", job.Args.Space))
	m, err := r.ReconcileMembers(ctx, job.Args.Space)
	switch {
	case reactors.IsPermanent(err):
		log.Error("members not listed; not retried", zap.Error(err))
		return nil
	case err != nil:
		return retry(log, "members not listed; retrying later", job.JobRow, err)
	}
	log.Info("members listed", zap.Int("members", m.Listed),
		zap.Int("changed", m.Changed), zap.Int("left", m.Left), zap.Int("unsure", m.Unsure))
	if m.Unfinished() {
		return river.JobSnooze(time.Second)
	}
	return nil
}

// MembersReport says what a list told.
type MembersReport struct {
	Listed int // who is in the space
	memberships.Reconciled
	Unsure int // who isn't listed and was not asked for: they stay as they were
}

// Unfinished reports whether another run would find out more. Where nobody had
// left, it would only ask for the same people again.
func (m MembersReport) Unfinished() bool { return m.Unsure > 0 && m.Left > 0 }

// maxAsked bounds the calls for people who aren't listed, so that a run ends.
const maxAsked = 200

// ReconcileMembers records who is in the space by Google's list, which knows
// who was there before anybody watched, and whose coming or going was missed.
// The next run goes on with those whom this one leaves unsure. A run that is
// interrupted leaves nothing.
func (r *Reader) ReconcileMembers(ctx context.Context, space string) (MembersReport, error) {
	l := memberships.Listing{Space: space}
	for q := (gchat.MembersQuery{Space: space, AsUser: r.opts.AsUser}); ; {
		page, err := r.chat.Members(ctx, q)
		if err != nil {
			return MembersReport{}, err
		}
		if q.Page == "" {
			l.AsOf = page.AsOf
		}
		for _, m := range page.Members {
			l.Members = append(l.Members, memberships.Member{
				Membership: m.Membership, Name: m.Name, Type: events.UserType(m.Type), DisplayName: m.DisplayName,
				State: events.MembershipState(m.State), Role: m.Role, Affiliation: m.Affiliation,
			})
		}
		if q.Page = page.Next; q.Page == "" {
			break
		}
	}
	absent, err := r.eventLog.Absent(ctx, l)
	if err != nil {
		return MembersReport{}, err
	}
	m := MembersReport{Listed: len(l.Members), Unsure: max(0, len(absent)-maxAsked)}
	for _, member := range absent[:len(absent)-m.Unsure] {
		left, err := r.hasLeft(ctx, space, member.Name)
		if err != nil {
			return MembersReport{}, err
		}
		if left {
			l.Left = append(l.Left, member)
		}
	}
	if m.Reconciled, err = r.eventLog.Reconcile(ctx, l); err != nil {
		return MembersReport{}, err
	}
	return m, r.coverage.MembersListed(ctx, space, l.AsOf)
}

// hasLeft asks for one person: a list of several pages that is read while
// people come and go may leave somebody out, and apps are never listed.
func (r *Reader) hasLeft(ctx context.Context, space, user string) (bool, error) {
	state, err := r.chat.MemberState(ctx, space, user)
	return err == nil && (state == "" || state == gchat.NotMember), err
}
