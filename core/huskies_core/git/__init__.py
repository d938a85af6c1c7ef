"""Git operations: `repository` runs git; `worktrees`, `create` and `removal` manage one worktree per story; `rescue`
keeps work that would be lost; `squash` and `landing` merge; the other modules read only."""
