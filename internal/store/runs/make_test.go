package runs_test

import "github.com/spacekeeper/spacekeeper/internal/store/storetest"

const ann, space = storetest.Ann, storetest.Space

var (
	clock      = storetest.Clock
	at         = storetest.At
	live       = storetest.Live
	membership = storetest.Membership
	join       = storetest.Join
	leave      = storetest.Leave
	update     = storetest.Update
	invite     = storetest.Invite
	backfilled = storetest.Backfilled
	record     = storetest.Record
	column     = storetest.Column
)
