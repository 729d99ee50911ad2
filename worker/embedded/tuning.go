package embedded

import (
	"time"

	"go.temporal.io/server/common/dynamicconfig"
)

// dynamicConfig opens the limits that protect a shared cluster, and sizes the server for one process on one machine.
func dynamicConfig() dynamicconfig.Client {
	const unlimited = 1_000_000
	return dynamicconfig.StaticClient{
		// Nothing leaves the house that a user did not ask for: the server would tell its makers its version.
		dynamicconfig.EnableServerVersionCheck.Key():           false,
		dynamicconfig.FrontendRPS.Key():                        unlimited,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key(): unlimited,
		dynamicconfig.FrontendPersistenceMaxQPS.Key():          unlimited,
		dynamicconfig.HistoryRPS.Key():                         unlimited,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():           unlimited,
		dynamicconfig.MatchingRPS.Key():                        unlimited,
		dynamicconfig.MatchingPersistenceMaxQPS.Key():          unlimited,
		// One partition a queue: more only add forwarding inside one process.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		// Several pollers may ask for the stats of one migration while its workflow task is pending.
		dynamicconfig.MaxBufferedQueryCount.Key(): 50,
		// With 50 activities in flight and signals, the default of 100 buffered events is near.
		dynamicconfig.MaximumBufferedEventsBatch.Key(): 1000,
		// Hundreds of goroutines per queue serve many shards; one shard over one SQLite file needs few.
		dynamicconfig.TimerProcessorSchedulerWorkerCount.Key():    32,
		dynamicconfig.TransferProcessorSchedulerWorkerCount.Key(): 32,
		// The queues of one shard are read at most 20 times a second by default, so that every step that is not started
		// eagerly waits about 40 ms for its turn.
		dynamicconfig.TransferProcessorMaxPollRPS.Key(): 1000,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():    200,
		// Timers fire up to this late; the default of a second covers clocks that differ between hosts.
		dynamicconfig.TimerProcessorMaxTimeShift.Key(): 10 * time.Millisecond,
		// Search attributes registered a moment ago are known at once.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
	}
}
