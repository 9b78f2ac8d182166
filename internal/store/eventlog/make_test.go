package eventlog_test

import "github.com/spacekeeper/spacekeeper/internal/store/storetest"

const ann, space = storetest.Ann, storetest.Space

var (
	epoch       = storetest.Epoch
	clock       = storetest.Clock
	at          = storetest.At
	live        = storetest.Live
	message     = storetest.Message
	membership  = storetest.Membership
	reaction    = storetest.Reaction
	join        = storetest.Join
	leave       = storetest.Leave
	update      = storetest.Update
	backfilled  = storetest.Backfilled
	interaction = storetest.Interaction
	decoded     = storetest.Decoded
	member      = storetest.Member
	post        = storetest.Post
	record      = storetest.Record
	column      = storetest.Column
)
