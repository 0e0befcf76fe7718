// Load that etcd's own benchmark tool does not offer, through the official Go client:
//
//	load fill  write many keys quickly, 100 a transaction
//	load txn   transactions as Kubernetes sends them: compare the mod revision, put, else get
//	load pace  small calls at a fixed rate; their latency is the stall other work causes
//
// Each prints one line of JSON: operations, seconds, latencies in milliseconds.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sort"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// options are the flags all loads share; a load reads those it needs.
type options struct {
	endpoint         string
	clients, conns   int
	total, keySpace  int
	valueSize, stale int
	prefix           string
	rate             int
	seconds          float64
}

// report is what a load prints.
type report struct {
	Operations int     `json:"ops"`
	Seconds    float64 `json:"seconds"`
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	Max        float64 `json:"max_ms"`
}

var loads = map[string]func(options) (report, error){"fill": fill, "txn": kubernetesTxn, "pace": pace}

func main() {
	if len(os.Args) < 2 || loads[os.Args[1]] == nil {
		log.Fatalf("usage: load fill|txn|pace [flags]")
	}
	var o options
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	flags.StringVar(&o.endpoint, "endpoint", "127.0.0.1:2379", "host:port of the server")
	flags.IntVar(&o.clients, "clients", 1, "calls in flight")
	flags.IntVar(&o.conns, "conns", 1, "connections they share")
	flags.IntVar(&o.total, "total", 10000, "operations (fill: keys)")
	flags.IntVar(&o.keySpace, "keys", 10000, "distinct keys")
	flags.IntVar(&o.valueSize, "val-size", 256, "bytes of a value")
	flags.IntVar(&o.stale, "stale", 20, "every so many transactions compare with an old revision (0: none)")
	flags.StringVar(&o.prefix, "prefix", "/registry/load/", "start of every key")
	flags.IntVar(&o.rate, "rate", 200, "calls a second (pace)")
	flags.Float64Var(&o.seconds, "seconds", 5, "duration (pace)")
	if err := flags.Parse(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	result, err := loads[os.Args[1]](o)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}

func dial(o options) ([]*clientv3.Client, error) {
	var clients []*clientv3.Client
	for i := 0; i < max(o.conns, 1); i++ {
		client, err := clientv3.New(clientv3.Config{
			Endpoints:   []string{o.endpoint},
			DialTimeout: 10 * time.Second,
			Logger:      zap.NewNop(),
		})
		if err != nil {
			return nil, fmt.Errorf("connecting to %s: %w", o.endpoint, err)
		}
		clients = append(clients, client)
	}
	return clients, nil
}

// summarize sorts the latencies and reads off the percentiles.
func summarize(latencies []time.Duration, elapsed time.Duration) report {
	sort.Slice(latencies, func(i, j int) bool { return latencies[i] < latencies[j] })
	at := func(share float64) float64 {
		if len(latencies) == 0 {
			return 0
		}
		return latencies[int(share*float64(len(latencies)-1))].Seconds() * 1000
	}
	return report{len(latencies), elapsed.Seconds(), at(0.5), at(0.99), at(1)}
}
