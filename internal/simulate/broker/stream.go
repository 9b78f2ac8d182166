package broker

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// StreamingPull sends messages in the handler's goroutine, as long as there is
// room, and reads acknowledgements and pings in another one.
func (r *subscriber) StreamingPull(stream pubsubpb.Subscriber_StreamingPullServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	duration := time.Duration(first.GetStreamAckDeadlineSeconds()) * time.Second
	if err := checkRange("stream_ack_deadline_seconds", duration, minAckDeadline, maxAckDeadline); err != nil {
		return err
	}
	sub, err := r.server.subscription(first.GetSubscription())
	if err != nil {
		return err
	}
	f := newFlow(first.GetMaxOutstandingMessages(), first.GetMaxOutstandingBytes(), duration)
	f.expires = r.server.now().Add(r.server.streamAge)
	if err := sub.attach(f); err != nil {
		return err
	}
	defer sub.detach(f)
	r.server.wg.Go(func() {
		for in := first; ; {
			if err := sub.request(f, in, in == first); err != nil {
				sub.endFlow(f, err)
				return
			}
			if in, err = stream.Recv(); err != nil {
				// Half-closed by the client: over, unless the stream plays dead.
				if !errors.Is(err, io.EOF) || !sub.frozen() {
					sub.endFlow(f, err)
				}
				return
			}
		}
	})
	var buf []delivery
	ordered := sub.description().GetEnableMessageOrdering()
	for {
		var pongs int
		if buf, pongs = sub.take(f, buf[:0], maxResponseMessages); r.server.mute {
			pongs = 0
		}
		if len(buf) > 0 || pongs > 0 {
			if err := stream.SendMsg(&response{deliveries: buf, ordered: ordered}); err != nil {
				return err
			}
			continue
		}
		select {
		case <-f.wake:
		case <-f.ended:
			return sub.endOf(f)
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// request carries out one request of a stream.
func (s *subscription) request(f *flow, in *pubsubpb.StreamingPullRequest, first bool) error {
	if !first && (in.GetSubscription() != "" || in.GetMaxOutstandingMessages() != 0 || in.GetMaxOutstandingBytes() != 0) {
		return invalid("The subscription and the flow control settings can only be set in the first request of a stream.")
	}
	if len(in.GetModifyDeadlineAckIds()) != len(in.GetModifyDeadlineSeconds()) {
		return invalid("modify_deadline_ack_ids and modify_deadline_seconds differ in length.")
	}
	acks, err := parseAckIDs(in.GetAckIds())
	if err != nil {
		return err
	}
	if len(acks) > 0 {
		s.acknowledge(acks)
	}
	for i, text := range in.GetModifyDeadlineAckIds() {
		id, err := parseAckID(text)
		if err != nil {
			return err
		}
		d := time.Duration(in.GetModifyDeadlineSeconds()[i]) * time.Second
		if err := checkRange("modify_deadline_seconds", d, 0, maxAckDeadline); err != nil {
			return err
		}
		s.modify([]uint64{id}, d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := time.Duration(in.GetStreamAckDeadlineSeconds()) * time.Second; d != 0 {
		if err := checkRange("stream_ack_deadline_seconds", d, minAckDeadline, maxAckDeadline); err != nil {
			return err
		}
		f.duration = d
	}
	if !first && len(acks)+len(in.GetModifyDeadlineAckIds()) == 0 { // a ping
		f.pongs++
		if f.idle && !s.fault.frozen {
			f.signal()
		}
	}
	return nil
}

func (s *subscription) attach(f *flow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.unavailable(); err != nil {
		return err
	}
	s.flows = append(s.flows, f)
	s.arm()
	return nil
}

// unavailable says why the subscription serves nobody, if it doesn't.
func (s *subscription) unavailable() error {
	if s.closed != nil {
		return s.closed
	}
	return s.fault.refusal
}

// detach forgets the stream. What it holds stays leased until its deadline.
func (s *subscription) detach(f *flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flows = slices.DeleteFunc(s.flows, func(other *flow) bool { return other == f })
	s.nextFlow = 0
	f.idle = false
	s.wakeOne() // it may have been woken for work that it now leaves to others
}

func (s *subscription) endFlow(f *flow, err error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.end(err)
}

func (s *subscription) endOf(f *flow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.err
}

func (s *subscription) frozen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault.frozen
}

// Pull waits until there is at least one message, or the caller gives up.
func (r *subscriber) Pull(ctx context.Context, in *pubsubpb.PullRequest) (*pubsubpb.PullResponse, error) {
	if in.GetMaxMessages() <= 0 {
		return nil, invalid("max_messages must be greater than 0.")
	}
	sub, err := r.server.subscription(in.GetSubscription())
	if err != nil {
		return nil, err
	}
	limit := min(int(in.GetMaxMessages()), maxPullMessages)
	f := newFlow(0, 0, time.Duration(sub.description().GetAckDeadlineSeconds())*time.Second)
	if err := sub.attach(f); err != nil {
		return nil, err
	}
	defer sub.detach(f)
	for {
		got, _ := sub.take(f, nil, limit)
		//nolint:staticcheck // deprecated by Google, still served
		if len(got) > 0 || in.GetReturnImmediately() {
			return received(got)
		}
		select {
		case <-f.wake:
		case <-f.ended:
			return nil, sub.endOf(f)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func received(deliveries []delivery) (*pubsubpb.PullResponse, error) {
	out := new(pubsubpb.PullResponse)
	for _, d := range deliveries {
		m, err := d.message.decode()
		if err != nil {
			return nil, err
		}
		out.ReceivedMessages = append(out.ReceivedMessages, &pubsubpb.ReceivedMessage{
			AckId: formatAckID(d.ackID), Message: m, DeliveryAttempt: d.attempt,
		})
	}
	return out, nil
}

func (r *subscriber) Acknowledge(_ context.Context, in *pubsubpb.AcknowledgeRequest) (*emptypb.Empty, error) {
	sub, ids, err := r.target(in.GetSubscription(), in.GetAckIds())
	if err != nil {
		return nil, err
	}
	sub.acknowledge(ids)
	return &emptypb.Empty{}, nil
}

func (r *subscriber) ModifyAckDeadline(_ context.Context, in *pubsubpb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	d := time.Duration(in.GetAckDeadlineSeconds()) * time.Second
	if err := checkRange("ack_deadline_seconds", d, 0, maxAckDeadline); err != nil {
		return nil, err
	}
	sub, ids, err := r.target(in.GetSubscription(), in.GetAckIds())
	if err != nil {
		return nil, err
	}
	sub.modify(ids, d)
	return &emptypb.Empty{}, nil
}

// target finds the subscription of a unary request and reads its ack ids.
func (r *subscriber) target(name string, ackIDs []string) (*subscription, []uint64, error) {
	if len(ackIDs) == 0 {
		return nil, nil, invalid("The request contains no ack ids.")
	}
	sub, err := r.server.subscription(name)
	if err != nil {
		return nil, nil, err
	}
	sub.mu.Lock()
	err = sub.unavailable()
	sub.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	ids, err := parseAckIDs(ackIDs)
	return sub, ids, err
}

func parseAckIDs(texts []string) ([]uint64, error) {
	ids := make([]uint64, len(texts))
	size := 0
	for i, text := range texts {
		id, err := parseAckID(text)
		if err != nil {
			return nil, err
		}
		ids[i] = id
		if size += len(text); size > maxAckRequestBytes {
			return nil, invalid("The request's ack ids have more than %d bytes.", maxAckRequestBytes)
		}
	}
	return ids, nil
}
