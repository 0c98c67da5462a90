"use strict"

class Bench {
  constructor(config) {
    this.config = config
  }

  async access(kong) {
    await kong.request.getHeader("user-agent")
  }
}

module.exports = { Plugin: Bench, Schema: [], Version: "1.0", Priority: 1 }
