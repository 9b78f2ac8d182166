package store_test

import "github.com/spacekeeper/spacekeeper/internal/store/storetest"

const ann, space = storetest.Ann, storetest.Space

var (
	clock       = storetest.Clock
	at          = storetest.At
	live        = storetest.Live
	message     = storetest.Message
	membership  = storetest.Membership
	reaction    = storetest.Reaction
	join        = storetest.Join
	leave       = storetest.Leave
	interaction = storetest.Interaction
	record      = storetest.Record
	column      = storetest.Column
)
