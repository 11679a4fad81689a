// A client of the compatibility runner around Segment's Go SDK: -input <JSON>, JSON on stdout.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"log"
	"os"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

type call struct {
	Type, MessageId, UserId, AnonymousId, PreviousId, GroupId, Event, Name string

	Timestamp          time.Time
	Properties, Traits map[string]interface{}
}

type input struct {
	WriteKey, ApiHost string
	Sequences         []struct {
		DelayMs int
		Events  []call
	}
	Config struct{ FlushAt, FlushInterval int }
}

// outcomes has nil for each message that is delivered. The SDK gives up on what it has not delivered when it is closed,
// so one who wants all of it delivered waits for them.
type outcomes chan error

func (told outcomes) Success(analytics.Message)            { told <- nil }
func (told outcomes) Failure(_ analytics.Message, e error) { told <- e }

func main() {
	given := flag.String("input", "", "what to send")
	flag.Parse()
	result := map[string]interface{}{"success": true}
	if err := run(*given); err != nil {
		result = map[string]interface{}{"success": false, "error": err.Error()}
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}

func run(given string) error {
	var told input
	if err := json.Unmarshal([]byte(given), &told); err != nil {
		return err
	}
	delivered := make(outcomes, 10_000)
	interval := time.Duration(told.Config.FlushInterval) * time.Millisecond
	client, err := analytics.NewWithConfig(told.WriteKey, analytics.Config{
		Endpoint:   told.ApiHost,
		BatchSize:  told.Config.FlushAt,
		Interval:   interval,
		RetryAfter: func(int) time.Duration { return interval },
		Callback:   delivered,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	count := 0
	for _, sequence := range told.Sequences {
		time.Sleep(time.Duration(sequence.DelayMs) * time.Millisecond)
		for _, one := range sequence.Events {
			message := messageOf(one)
			if message == nil {
				return errors.New("no such call: " + one.Type)
			}
			if err := client.Enqueue(message); err != nil {
				return err
			}
			count++
		}
	}
	for ; count > 0; count-- {
		if err := <-delivered; err != nil {
			return err
		}
	}
	return nil
}

func messageOf(one call) analytics.Message {
	switch one.Type {
	case "identify":
		return analytics.Identify{MessageId: one.MessageId, UserId: one.UserId, AnonymousId: one.AnonymousId, Timestamp: one.Timestamp, Traits: one.Traits}
	case "track":
		return analytics.Track{MessageId: one.MessageId, UserId: one.UserId, AnonymousId: one.AnonymousId, Timestamp: one.Timestamp, Event: one.Event, Properties: one.Properties}
	case "page":
		return analytics.Page{MessageId: one.MessageId, UserId: one.UserId, AnonymousId: one.AnonymousId, Timestamp: one.Timestamp, Name: one.Name, Properties: one.Properties}
	case "screen":
		return analytics.Screen{MessageId: one.MessageId, UserId: one.UserId, AnonymousId: one.AnonymousId, Timestamp: one.Timestamp, Name: one.Name, Properties: one.Properties}
	case "group":
		return analytics.Group{MessageId: one.MessageId, UserId: one.UserId, AnonymousId: one.AnonymousId, Timestamp: one.Timestamp, GroupId: one.GroupId, Traits: one.Traits}
	case "alias":
		return analytics.Alias{MessageId: one.MessageId, UserId: one.UserId, PreviousId: one.PreviousId, Timestamp: one.Timestamp}
	}
	return nil
}
