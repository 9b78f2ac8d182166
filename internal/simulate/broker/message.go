package broker

import (
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// message is a published message, shared by all subscriptions of its topic and
// never changed. It is kept as it goes on the wire: what a message costs to
// encode is paid once, and a long backlog is no work for the garbage collector.
type message struct {
	head      []byte // a PubsubMessage up to and including the length of its data
	data      []byte // the publisher's slice
	size      int    // as flow control counts it
	key       string
	published time.Time
}

// Field numbers of google.pubsub.v1.PubsubMessage.
const (
	fieldData        protowire.Number = 1
	fieldAttributes  protowire.Number = 2
	fieldMessageID   protowire.Number = 3
	fieldPublishTime protowire.Number = 4
	fieldOrderingKey protowire.Number = 5
)

func newMessage(m *pubsubpb.PubsubMessage, id string, now time.Time, size int) *message {
	b := make([]byte, 0, 64+len(m.GetOrderingKey())+size-len(m.GetData())+8*len(m.GetAttributes()))
	for k, v := range m.GetAttributes() {
		n := protowire.SizeTag(1) + protowire.SizeBytes(len(k)) + protowire.SizeTag(2) + protowire.SizeBytes(len(v))
		b = protowire.AppendTag(b, fieldAttributes, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(n))
		b = appendString(b, 1, k)
		b = appendString(b, 2, v)
	}
	b = appendString(b, fieldMessageID, id)
	seconds, nanos := uint64(now.Unix()), uint64(now.Nanosecond())
	b = protowire.AppendTag(b, fieldPublishTime, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(protowire.SizeTag(1)+protowire.SizeVarint(seconds)+protowire.SizeTag(2)+protowire.SizeVarint(nanos)))
	b = protowire.AppendTag(b, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, seconds)
	b = protowire.AppendTag(b, 2, protowire.VarintType)
	b = protowire.AppendVarint(b, nanos)
	if m.GetOrderingKey() != "" {
		b = appendString(b, fieldOrderingKey, m.GetOrderingKey())
	}
	b = protowire.AppendTag(b, fieldData, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(m.GetData())))
	return &message{head: b, data: m.GetData(), size: size, key: m.GetOrderingKey(), published: now}
}

func appendString(b []byte, n protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
}

// decode is the way back, for a pull without a stream and for dead letters.
func (m *message) decode() (*pubsubpb.PubsubMessage, error) {
	out := new(pubsubpb.PubsubMessage)
	if err := proto.Unmarshal(append(append([]byte(nil), m.head...), m.data...), out); err != nil {
		return nil, err
	}
	return out, nil
}
