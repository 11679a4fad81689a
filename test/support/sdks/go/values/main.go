// Every call with values of Go's own kinds, and more tracks than one batch takes: values <address> <write key>.
package main

import (
	"fmt"
	"log"
	"math"
	"os"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

type outcomes chan error

func (told outcomes) Success(analytics.Message)            { told <- nil }
func (told outcomes) Failure(_ analytics.Message, e error) { told <- e }

func main() {
	delivered := make(outcomes, 1_000)
	client, err := analytics.NewWithConfig(os.Args[2], analytics.Config{
		Endpoint:  os.Args[1],
		BatchSize: 100,
		Interval:  100 * time.Millisecond,
		Callback:  delivered,
	})
	if err != nil {
		log.Fatal(err)
	}
	then := time.Date(2020, 2, 29, 12, 0, 0, 1_000, time.UTC)
	messages := []analytics.Message{
		analytics.Identify{UserId: "user-1", Traits: analytics.NewTraits().Set("plan", "é😀 \"quoted\" \u2028 \x00").SetCreatedAt(then)},
		analytics.Track{UserId: "user-1", Event: "Order Completed", Timestamp: then, Properties: analytics.NewProperties().
			Set("big", uint64(math.MaxUint64)).
			SetTotal(12.5).
			Set("tiny", 1e-7).
			Set("at", then).
			Set("deep", map[string]interface{}{"list": []interface{}{1, map[string]interface{}{"none": nil}}})},
		analytics.Page{UserId: "user-1", Name: "Home", Properties: analytics.NewProperties().SetURL("https://shop.example/?a=<b>&c")},
		analytics.Screen{AnonymousId: "anon-1", Name: "Start"},
		analytics.Group{UserId: "user-1", GroupId: "group-1", Traits: analytics.NewTraits().Set("seats", 5)},
		analytics.Alias{UserId: "user-2", PreviousId: "user-1"},
	}
	for number := 0; number < 250; number++ {
		messages = append(messages, analytics.Track{UserId: "user-1", Event: fmt.Sprintf("Event %d", number)})
	}
	for _, message := range messages {
		if err := client.Enqueue(message); err != nil {
			log.Fatal(err)
		}
	}
	for range messages {
		if err := <-delivered; err != nil {
			log.Fatal(err)
		}
	}
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
}
