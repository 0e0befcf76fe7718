package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// fan runs work(worker, client) in o.clients goroutines over o.conns connections and gathers their latencies.
func fan(o options, work func(worker int, client *clientv3.Client) ([]time.Duration, error)) (report, error) {
	clients, err := dial(o)
	if err != nil {
		return report{}, err
	}
	var (
		mutex sync.Mutex
		group sync.WaitGroup
		all   []time.Duration
		first error
	)
	begun := time.Now()
	for worker := 0; worker < o.clients; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			latencies, err := work(worker, clients[worker%len(clients)])
			mutex.Lock()
			defer mutex.Unlock()
			all = append(all, latencies...)
			if err != nil && first == nil {
				first = err
			}
		}()
	}
	group.Wait()
	return summarize(all, time.Since(begun)), first
}

const putsPerTxn = 100

func fill(o options) (report, error) {
	value := strings.Repeat("v", o.valueSize)
	return fan(o, func(worker int, client *clientv3.Client) ([]time.Duration, error) {
		var latencies []time.Duration
		for start := worker * putsPerTxn; start < o.total; start += o.clients * putsPerTxn {
			var puts []clientv3.Op
			for i := start; i < min(start+putsPerTxn, o.total); i++ {
				puts = append(puts, clientv3.OpPut(fmt.Sprintf("%s%08d", o.prefix, i), value))
			}
			begun := time.Now()
			if _, err := client.Txn(context.Background()).Then(puts...).Commit(); err != nil {
				return latencies, err
			}
			latencies = append(latencies, time.Since(begun))
		}
		return latencies, nil
	})
}

// kubernetesTxn: each worker updates keys of its own in turn, as a controller does with its objects. It knows the
// mod revision from its last write; a stale one takes the other branch, whose get tells the right revision.
func kubernetesTxn(o options) (report, error) {
	value := strings.Repeat("v", o.valueSize)
	perWorker := max(o.keySpace/o.clients, 1)
	return fan(o, func(worker int, client *clientv3.Client) ([]time.Duration, error) {
		revisions := make([]int64, perWorker)
		var latencies []time.Duration
		for n := 0; n < o.total/o.clients; n++ {
			slot := n % perWorker
			key := fmt.Sprintf("%s%04d/%08d", o.prefix, worker, slot)
			expected := revisions[slot]
			if o.stale > 0 && n%o.stale == o.stale-1 {
				expected += 1 << 40
			}
			begun := time.Now()
			answer, err := client.Txn(context.Background()).
				If(clientv3.Compare(clientv3.ModRevision(key), "=", expected)).
				Then(clientv3.OpPut(key, value)).
				Else(clientv3.OpGet(key)).
				Commit()
			if err != nil {
				return latencies, err
			}
			latencies = append(latencies, time.Since(begun))
			if answer.Succeeded {
				revisions[slot] = answer.Header.Revision
			} else if kvs := answer.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
				revisions[slot] = kvs[0].ModRevision
			}
		}
		return latencies, nil
	})
}

// pace sends a get and a put in turn at a fixed rate, whether or not earlier ones were answered, and counts a latency
// from the moment the call was due: a server that stands still for a second shows in every call of that second.
func pace(o options) (report, error) {
	clients, err := dial(o)
	if err != nil {
		return report{}, err
	}
	// connections, streams and the two keys exist before the first call that counts
	for _, client := range clients {
		if _, err := client.Put(context.Background(), "pace", "0"); err != nil {
			return report{}, err
		}
	}
	total := int(o.seconds * float64(o.rate))
	latencies := make([]time.Duration, total)
	failures := make(chan error, total)
	var group sync.WaitGroup
	begun := time.Now()
	for i := 0; i < total; i++ {
		due := begun.Add(time.Duration(float64(i) / float64(o.rate) * float64(time.Second)))
		time.Sleep(time.Until(due))
		group.Add(1)
		go func() {
			defer group.Done()
			if err := smallCall(clients[i%len(clients)], i); err != nil {
				failures <- err
			}
			latencies[i] = time.Since(due)
		}()
	}
	group.Wait()
	select {
	case err = <-failures:
	default:
	}
	return summarize(latencies, time.Since(begun)), err
}

func smallCall(client *clientv3.Client, i int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if i%2 == 0 {
		_, err := client.Get(ctx, "pace")
		return err
	}
	_, err := client.Put(ctx, "pace", fmt.Sprint(i))
	return err
}
