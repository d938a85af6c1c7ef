"""The core of Huskies, bottom to top: pipeline (what may happen), store, git, runs and config (what is), agents
(what a run means), passes (what converges), tools (what people and programs call). It never prints."""
