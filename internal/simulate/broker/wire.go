package broker

import (
	"strconv"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// delivery is one message on its way to a client.
type delivery struct {
	ackID   uint64
	message *message
	attempt int32 // 0 unless the subscription has a dead-letter policy
}

// response is a StreamingPullResponse that knows its own encoding.
type response struct {
	deliveries []delivery
	ordered    bool // subscription_properties.message_ordering_enabled
}

const (
	fieldReceivedMessages       protowire.Number = 1 // of StreamingPullResponse
	fieldSubscriptionProperties protowire.Number = 4

	ackIDLength = 16
	// byReference is the size from which data is handed to gRPC without a copy.
	byReference = 32 << 10
)

// codec is gRPC's own codec, but for the one message that is sent by the
// million: it is put together from parts that are encoded already.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	r, ok := v.(*response)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	return r.marshal(), nil
}

func (r *response) marshal() mem.BufferSlice {
	pool := mem.DefaultBufferPool()
	var out mem.BufferSlice
	size := 8
	for i := range r.deliveries {
		size += r.deliveries[i].bufferSize()
	}
	buf := pool.Get(size)
	b := (*buf)[:0]
	start := 0 // of what isn't in out yet
	for i := range r.deliveries {
		d := &r.deliveries[i]
		b = d.appendHead(b)
		if len(d.message.data) < byReference {
			b = append(b, d.message.data...)
		} else {
			out = append(out, mem.SliceBuffer(b[start:len(b):len(b)]), mem.SliceBuffer(d.message.data))
			start = len(b)
		}
	}
	if r.ordered {
		b = protowire.AppendTag(b, fieldSubscriptionProperties, protowire.BytesType)
		b = protowire.AppendBytes(b, []byte{2 << 3, 1})
	}
	if out == nil { // the common case: one pooled buffer, given back by gRPC
		*buf = b
		return mem.BufferSlice{mem.NewBuffer(buf, pool)}
	}
	return append(out, mem.SliceBuffer(b[start:]))
}

// messageSize is the encoded size of the PubsubMessage.
func (d *delivery) messageSize() int { return len(d.message.head) + len(d.message.data) }

// receivedSize is the encoded size of the ReceivedMessage.
func (d *delivery) receivedSize() int {
	n := 1 + protowire.SizeBytes(ackIDLength) + 1 + protowire.SizeBytes(d.messageSize())
	if d.attempt > 0 {
		n += 1 + protowire.SizeVarint(uint64(d.attempt))
	}
	return n
}

func (d *delivery) bufferSize() int {
	n := 1 + protowire.SizeBytes(d.receivedSize())
	if len(d.message.data) >= byReference {
		n -= len(d.message.data)
	}
	return n
}

// appendHead appends everything of the ReceivedMessage but the data.
func (d *delivery) appendHead(b []byte) []byte {
	b = protowire.AppendTag(b, fieldReceivedMessages, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(d.receivedSize()))
	if d.attempt > 0 {
		b = protowire.AppendTag(b, 3, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(d.attempt))
	}
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	b = protowire.AppendVarint(b, ackIDLength)
	b = appendAckID(b, d.ackID)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(d.messageSize()))
	return append(b, d.message.head...)
}

// appendAckID appends the id in hexadecimal, padded to its fixed length.
func appendAckID(b []byte, id uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 4 * (ackIDLength - 1); shift >= 0; shift -= 4 {
		b = append(b, digits[id>>shift&0xf])
	}
	return b
}

func formatAckID(id uint64) string { return string(appendAckID(make([]byte, 0, ackIDLength), id)) }

func parseAckID(s string) (uint64, error) {
	id, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != ackIDLength {
		return 0, invalid("You have passed an invalid ack ID to the service (ack_id=%q).", s)
	}
	return id, nil
}
