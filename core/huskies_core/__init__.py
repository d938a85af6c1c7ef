"""The core of Huskies. `pipeline` is the state machine; `store`, `git`, `supervisor` and `config` are the state;
`runs` and `merge` execute work; `passes` compare the state with the pipeline; `operations` are the functions that
people and programs call. Only processes of their own print: the supervisor and the merge."""
