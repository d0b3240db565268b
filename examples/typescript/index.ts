import { dag, Directory, func, object } from "@dagger.io/dagger";

/** The platform of a shop: its release is a plan and a deployment of Lockstep. */
@object()
export class Shop {
  /** Check the source, and deploy it to an environment. Return the number of the release. */
  @func()
  async release(source: Directory, environment = "acc"): Promise<number> {
    const lockstep = dag.lockstep({ source });
    await lockstep.check();
    return lockstep.environment({ name: environment }).deploy().number();
  }

  /** Show what a deployment would change, as Markdown. */
  @func()
  async preview(source: Directory, environment = "acc"): Promise<string> {
    return dag.lockstep({ source }).environment({ name: environment }).plan().markdown();
  }
}
