"use strict"

class Bench {
  constructor(config) {
    this.config = config
  }

  async access(kong) {
  }
}

module.exports = { Plugin: Bench, Schema: [], Version: "1.0", Priority: 1 }
